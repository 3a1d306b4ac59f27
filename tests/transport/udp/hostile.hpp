// What a peer that has shaken hands, or somebody on the way, can do to one end of a UDP channel: a
// real link with a mux on top, whose attacker writes packets by hand.
#pragma once

#include "protocol/mux.hpp"
#include "protocol/prefix_varint.hpp"
#include "sim/packet_watch.hpp"
#include "transport/udp/link.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

namespace braid::test {

/// The bytes of frames, one after another.
class FrameBytes {
public:
    FrameBytes& u8(unsigned value) {
        bytes_.push_back(static_cast<std::byte>(value));
        return *this;
    }
    FrameBytes& u16(unsigned value) { return u8(value & 0xffu).u8(value >> 8 & 0xffu); }
    FrameBytes& u64(std::uint64_t value) {
        for (int i = 0; i < 8; ++i) u8(static_cast<unsigned>(value >> 8 * i & 0xffu));
        return *this;
    }
    FrameBytes& number(std::uint64_t value) {
        std::byte encoded[protocol::prefix_varint_bytes_max];
        const auto size = protocol::encode_prefix_varint(value, encoded);
        bytes_.insert(bytes_.end(), encoded, encoded + size);
        return *this;
    }
    /// In two bytes, though it fits one.
    FrameBytes& long_number(unsigned below_128) { return u8(0x80).u8(below_128); }
    FrameBytes& fill(std::size_t count, unsigned value = 'x') {
        bytes_.insert(bytes_.end(), count, static_cast<std::byte>(value));
        return *this;
    }
    FrameBytes& ping() { return u8(0x01); }
    /// A stream that the peer opens: ids and slots of the dialling side are even.
    FrameBytes& open(std::uint64_t slot, unsigned promises = 5, unsigned priority = 4) {
        return u8(0x06)
            .number(slot)
            .u64(slot)
            .u8(priority)
            .u8(promises)
            .number(0)
            .number(1'000)
            .number(0)
            .number(0);
    }
    FrameBytes& message(std::uint64_t slot, unsigned number16, std::size_t size) {
        slotted(0xb0, slot).u16(number16).number(size);
        return fill(size);
    }
    FrameBytes& fragment(std::uint64_t slot, unsigned number16, std::uint64_t offset,
                         std::optional<std::uint64_t> total, std::size_t size,
                         unsigned value = 'x') {
        slotted(0xf0, slot).u16(number16).number(offset * 2 + (total ? 1 : 0));
        if (total) number(*total);
        return number(size).fill(size, value);
    }
    /// That packets up to `largest` came, as many as `first_length`, newest first.
    FrameBytes& ack(std::uint64_t largest, std::uint64_t first_length = 1,
                    std::uint64_t delay = 0) {
        u8(0x03);
        for (int i = 0; i < 4; ++i) u8(static_cast<unsigned>(largest >> 8 * i & 0xffu));
        return number(delay).number(0).number(first_length - 1);
    }
    FrameBytes& path_challenge(std::uint64_t data) { return u8(0x11).u64(data); }

    operator std::span<const std::byte>() const { return bytes_; }
    std::size_t size() const { return bytes_.size(); }
    std::vector<std::byte>& bytes() { return bytes_; }

private:
    FrameBytes& slotted(unsigned type, std::uint64_t slot) {
        if (slot < 15) return u8(type | static_cast<unsigned>(slot));
        return u8(type | 15u).number(slot);
    }

    std::vector<std::byte> bytes_;
};

/// One end, which the attacker has dialled.
class Victim {
public:
    struct Heard {
        std::uint64_t number = 0;
        transport::SocketAddress to;
        std::size_t bytes = 0;  ///< of the datagram
        std::vector<std::byte> payload;
    };

    Victim();
    ~Victim();

    // What the attacker does.

    /// A packet with its next number.
    void say(std::span<const std::byte> frames) { say_as(number_next++, frames); }
    void say_as(std::uint64_t number, std::span<const std::byte> frames);
    std::vector<std::byte> packet(std::uint64_t number, std::span<const std::byte> frames) const;
    void deliver(std::vector<std::byte> datagram) { deliver(std::move(datagram), home()); }
    void deliver(std::vector<std::byte> datagram, const transport::SocketAddress& from);

    /// Says that all packets that left have come.
    void acknowledge_all();

    static transport::SocketAddress home();

    // What becomes of it.

    /// Everything that is due now happens.
    void run();
    /// Time goes on, and what is due meanwhile happens.
    void wait(protocol::Duration duration);

    std::error_code failure() const { return link->failure(); }
    /// An honest packet still gets through, and is acknowledged.
    bool lives();
    /// True if a packet that acknowledges this one has left.
    bool acknowledged(std::uint64_t number) const;
    /// True if a packet has left whose first frame behind the acknowledgement begins so.
    bool said(unsigned first_byte) const;

    protocol::Stream* open(unsigned promises = 7);
    void send(protocol::Stream& stream, std::size_t bytes);
    void enqueue(protocol::Stream& stream, std::size_t bytes);  ///< for the next run()
    std::uint64_t bytes_left() const;

    protocol::Time now{std::chrono::seconds{1'000}};
    std::uint64_t number_next = 100;
    std::shared_ptr<sim::PacketWatch> of_attacker = std::make_shared<sim::PacketWatch>();
    std::shared_ptr<sim::PacketWatch> of_victim = std::make_shared<sim::PacketWatch>();
    protocol::Mux mux;
    std::unique_ptr<transport::UdpLink> link;
    protocol::MuxPort* port = nullptr;
    std::vector<Heard> heard;
    bool reads = true;  ///< the application does
    std::uint64_t messages_read = 0;

private:
    void fill();
    void collect();
    void read();

    std::vector<std::byte> payload_;
    protocol::Block block_;
    protocol::BlockReference keeper_{block_};
};

}  // namespace braid::test
