#pragma once

#include "protocol/mux.hpp"
#include "transport/udp/link.hpp"

#include <braid/error.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

/// Two muxes with a UdpLink each, and a way between them that does what the test says.
namespace udp_test {

using namespace braid::protocol;
using namespace braid::transport;
using namespace std::chrono_literals;

/// Knows its own packets and hides nothing, so that a test can read and write them.
class OpenCipher final : public PacketCipher {
public:
    std::size_t tag_bytes() const noexcept override { return 8; }
    void seal(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              std::byte* tag) noexcept override {
        const auto sum = sum_of(number, header, payload);
        std::memcpy(tag, &sum, sizeof sum);
    }
    bool open(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              const std::byte* tag) noexcept override {
        const auto sum = sum_of(number, header, payload);
        return std::memcmp(tag, &sum, sizeof sum) == 0;
    }

private:
    static std::uint64_t sum_of(std::uint64_t number, std::span<const std::byte> header,
                                std::span<const std::byte> payload) noexcept {
        std::uint64_t sum = 0xcbf29ce484222325u ^ number;  // FNV-1a
        for (const auto part : {header, payload}) {
            for (const auto byte : part) {
                sum = (sum ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3u;
            }
        }
        return sum;
    }
};

inline SocketAddress address_of(int end) {
    SocketAddress address;
    address.ip = {10, 0, 0, static_cast<std::uint8_t>(end + 1)};
    address.port = static_cast<std::uint16_t>(4000 + end);
    return address;
}

/// What a link that hears nothing sends in so much time, looked at each millisecond.
inline std::size_t bytes_sent(UdpLink& link, FrameSource& source, Time begin, Duration time) {
    std::size_t sent = 0;
    for (auto now = begin; now < begin + time; now += std::chrono::milliseconds{1}) {
        link.advance(now);
        link.fill(source, now);
        while (const auto batch = link.outgoing()) {
            sent += batch->bytes.size();
            link.sent(batch->bytes.size());
        }
    }
    return sent;
}

class LinkPair {
public:
    static constexpr ConnectionId server_id = 0x12345678;

    struct End {
        std::unique_ptr<Mux> mux;
        std::unique_ptr<UdpLink> link;
        MuxPort* port = nullptr;
        Block block;
        std::vector<std::byte> memory;
        SocketAddress address;
    };

    /// What happens to a datagram of `from`; the default is to arrive after `delay`.
    using Way = std::function<void(int from, std::vector<std::byte> bytes)>;

    explicit LinkPair(std::size_t packet_bytes_limit = packet_bytes_base,
                      std::optional<ResetToken> reset_token = {}) {
        for (int i = 0; i < 2; ++i) {
            auto& end = ends_[static_cast<std::size_t>(i)];
            end.address = address_of(i);
            MuxOptions options;
            options.even_ids = i == 0;
            options.peer = {256u << 10, 1u << 20, 256, 16u << 20, 15s};
            end.mux = std::make_unique<Mux>(options);
            UdpLinkOptions link;
            link.peer_proven = i == 0;
            link.peer = address_of(1 - i);
            link.sealing = std::make_unique<OpenCipher>();
            link.opening = std::make_unique<OpenCipher>();
            link.idle = 15s;
            (i == 0 ? link.destination : link.own) = server_id;
            link.packet_bytes_limit = packet_bytes_limit;
            link.reset_token = reset_token;
            link.seed = static_cast<std::uint64_t>(7 + i);
            link.handshake_bytes = packet_bytes_base;
            if (i == 1) link.answered_at = now - delay;
            end.link = std::make_unique<UdpLink>(std::move(link), now);
            end.port = &end.mux->attach(end.link->traits(), i == 0, now);
            end.block.recycle = [](Block&) {};
            end.block.references = 1;
            end.memory.resize(1u << 20);
            end.block.data = end.memory.data();
        }
        ends_[0].mux->ping();
        way = [this](int from, std::vector<std::byte> bytes) {
            deliver(1 - from, std::move(bytes), delay,
                    ends_[static_cast<std::size_t>(from)].address);
        };
    }

    End& end(int index) { return ends_[static_cast<std::size_t>(index)]; }

    void deliver(int to, std::vector<std::byte> bytes, Duration after, SocketAddress from) {
        under_way_.emplace(now + after, Datagram{to, std::move(bytes), from});
    }

    /// What the link of that end has to say, onto the way.
    void flush(int index) {
        auto& each = end(index);
        do {
            each.port->set_path(each.link->path());
            each.link->fill(*each.port, now);
            while (const auto batch = each.link->outgoing()) {
                for (auto rest = batch->bytes; !rest.empty();) {
                    const auto size = std::min(rest.size(), batch->segment_bytes);
                    ++datagrams[index];
                    way(index, {rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size)});
                    rest = rest.subspan(size);
                }
                each.link->sent(batch->bytes.size());
            }
        } while (each.link->would_fill(*each.port, now));
    }

    void run_for(Duration time) { run_until(now + time); }

    void run_until(Time end_time) {
        for (int i = 0; i < 2; ++i) flush(i);
        for (;;) {
            auto next = under_way_.empty() ? never : under_way_.begin()->first;
            for (auto& each : ends_) {
                if (each.link->failure()) continue;
                next = std::min({next, each.link->deadline(), each.mux->deadline()});
            }
            if (next > end_time) break;
            if (next > now) {
                now = next;
                turns_ = 0;
            } else if (++turns_ > 10'000) {
                throw std::logic_error{"the links do not let time pass"};
            }
            step();
        }
        now = std::max(now, end_time);
    }

    /// Opens a stream at end 0.
    Stream& open(braid::Promises promises, unsigned priority = 4) {
        braid::StreamOptions options;
        options.promises = promises;
        options.priority = static_cast<int>(priority);
        return *end(0).mux->open(options, now);
    }

    void send(int index, Stream& stream, std::uint32_t offset, std::uint32_t bytes) {
        end(index).mux->enqueue(stream, end(index).block, {offset, bytes}, now);
    }

    /// The stream of the same id at the other end; null if it has not heard of it.
    Stream* twin(int index, const Stream& stream) {
        Stream* found = nullptr;
        end(index).mux->for_each_stream([&](Stream& each) {
            if (each.id == stream.id) found = &each;
        });
        return found;
    }

    /// Takes all messages that arrived there.
    std::vector<std::vector<std::byte>> take(int index, Stream& stream) {
        std::vector<std::vector<std::byte>> result;
        MessageQueue::Front front;
        while (stream.inbound.delivered.front(front)) {
            result.emplace_back(front.bytes.begin(), front.bytes.end());
            const auto charge = front.charge;
            stream.inbound.delivered.pop();
            end(index).mux->consume(stream, charge);
        }
        return result;
    }

    Time now{1'000s};
    Duration delay = 20ms;
    Way way;
    int datagrams[2] = {0, 0};

private:
    struct Datagram {
        int to;
        std::vector<std::byte> bytes;
        SocketAddress from;
    };

    void step() {
        for (auto& each : ends_) {
            if (each.link->failure()) continue;
            if (each.link->deadline() <= now) each.link->advance(now);
            if (each.mux->deadline() <= now) each.mux->advance(now);
            if (each.port->idle_expired(now)) each.link->fail(braid::errc::idle_timeout);
        }
        std::vector<Datagram> arrived;
        while (!under_way_.empty() && under_way_.begin()->first <= now) {
            arrived.push_back(std::move(under_way_.begin()->second));
            under_way_.erase(under_way_.begin());
        }
        for (auto& datagram : arrived)
            end(datagram.to).link->received(datagram.from, datagram.bytes);
        for (int i = 0; i < 2; ++i) {
            if (end(i).link->failure()) continue;
            end(i).link->drain(*end(i).port, now);
            if (end(i).link->deadline() < begin_) {
                throw std::logic_error{"a deadline lies before all that the link has seen"};
            }
            if (!end(i).link->failure()) flush(i);
        }
    }

    std::array<End, 2> ends_;
    std::multimap<Time, Datagram> under_way_;
    int turns_ = 0;
    const Time begin_ = now;
};

}  // namespace udp_test
