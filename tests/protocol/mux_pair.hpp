// Two muxes and a link between them that loses, or more than one of any kind: the test carries each
// unit, or does not.
#pragma once

#include "catch.hpp"
#include "protocol/mux.hpp"
#include "sim/mux_options.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace braid::test {

using protocol::Duration;
using protocol::Time;

struct MuxUnit {
    std::vector<std::byte> bytes;
    protocol::FrameToken token = 0;

    bool empty() const { return bytes.empty(); }

    std::vector<protocol::Frame> frames() const {
        std::vector<protocol::Frame> result;
        std::span<const std::byte> in{bytes};
        while (!in.empty()) {
            REQUIRE(protocol::decode(in, protocol::Framing::unit, result.emplace_back()) ==
                    protocol::FrameStatus::complete);
        }
        return result;
    }

    std::vector<protocol::Frame> messages() const {
        auto result = frames();
        std::erase_if(result, [](const protocol::Frame& frame) {
            return frame.type != protocol::FrameType::message &&
                   frame.type != protocol::FrameType::message_long;
        });
        return result;
    }
};

inline protocol::MuxOptions mux_pair_options() { return sim::mux_options({}, false); }

class MuxEnd {
public:
    MuxEnd(bool dials, protocol::MuxOptions options, Time& time, bool lossless)
        : dialled{dials}, now{time}, mux{with_ids(options, dials)}, port{attach(lossless)} {}

    protocol::Stream& open(const StreamOptions& options) {
        auto* const stream = mux.open(options, now);
        REQUIRE(stream != nullptr);
        return *stream;
    }

    /// Messages of one byte value each; the first byte counts them.
    void send(protocol::Stream& stream, std::size_t bytes) {
        auto& piece = *blocks_.emplace_back(std::make_unique<Piece>());
        piece.bytes.assign(bytes, static_cast<std::byte>(sent_++));
        piece.block.data = piece.bytes.data();
        piece.block.references = 1;
        piece.block.recycle = [](protocol::Block&) {};
        mux.enqueue(stream, piece.block, {0, static_cast<std::uint32_t>(bytes)}, now);
    }

    protocol::MuxPort& attach(bool lossless) { return mux.attach(traits(lossless), dialled, now); }

    MuxUnit fill(std::size_t room = 1'200) { return write(port, room, false); }
    MuxUnit fill(protocol::MuxPort& from) { return write(from, 1'200, false); }
    MuxUnit fill_urgent(std::size_t room = 1'200) { return write(port, room, true); }

    protocol::FrameSink::Receipt hear(const MuxUnit& unit) { return hear(port, unit); }
    protocol::FrameSink::Receipt hear(protocol::MuxPort& at, const MuxUnit& unit) {
        return at.receive(unit.bytes, framing(at), now);
    }
    protocol::FrameSink::Receipt hear(const std::function<void(protocol::FrameWriter&)>& say) {
        MuxUnit unit;
        unit.bytes.resize(70'000);
        protocol::FrameWriter writer{unit.bytes};
        say(writer);
        unit.bytes.resize(writer.copied());
        return hear(unit);
    }

    protocol::Stream* stream(std::uint64_t id) {
        protocol::Stream* found = nullptr;
        mux.for_each_stream([&](protocol::Stream& each) {
            if (each.id == StreamId{id}) found = &each;
        });
        return found;
    }

    /// What is to be read, by the first byte of each.
    std::vector<int> read(protocol::Stream& stream) {
        std::vector<int> result;
        protocol::MessageQueue::Front front;
        std::uint64_t charge = 0;
        while (stream.inbound.delivered.front(front)) {
            result.push_back(front.bytes.empty() ? -1 : std::to_integer<int>(front.bytes[0]));
            charge += front.charge;
            stream.inbound.delivered.pop();
        }
        mux.consume(stream, charge);
        return result;
    }

    /// How many blocks of its messages are still referred to.
    std::size_t held() const {
        std::size_t count = 0;
        for (const auto& piece : blocks_) count += piece->block.references - 1;
        return count;
    }

private:
    struct Piece {
        std::vector<std::byte> bytes;
        protocol::Block block;
    };
    std::deque<std::unique_ptr<Piece>> blocks_;  // before the mux, which refers to them
    unsigned sent_ = 0;

    static protocol::MuxOptions with_ids(protocol::MuxOptions options, bool even) {
        options.even_ids = even;
        return options;
    }
    static protocol::LinkTraits traits(bool lossless) {
        protocol::LinkTraits made;
        made.ordered = made.lossless = lossless;
        made.intact = true;
        return made;
    }

    static protocol::Framing framing(const protocol::MuxPort& port) {
        return port.traits().lossless ? protocol::Framing::stream : protocol::Framing::unit;
    }

    MuxUnit write(protocol::MuxPort& from, std::size_t room, bool urgent) {
        MuxUnit unit;
        unit.bytes.resize(room);
        std::vector<protocol::FrameWriter::Reference> references;
        auto writer = framing(from) == protocol::Framing::stream
                          ? protocol::FrameWriter{unit.bytes, room, references}
                          : protocol::FrameWriter{unit.bytes};
        unit.token = urgent ? from.fill_urgent(writer, now) : from.fill(writer, now);
        REQUIRE(references.empty());
        unit.bytes.resize(writer.copied());
        return unit;
    }

public:
    bool dialled;
    Time& now;
    protocol::Mux mux;
    protocol::MuxPort& port;
};

/// Both ends of a link.
struct MuxLink {
    protocol::MuxPort* one;
    protocol::MuxPort* other;
};

struct MuxPair {
    explicit MuxPair(const protocol::MuxOptions& options = mux_pair_options(),
                     bool lossless = false)
        : one{true, options, now, lossless}, other{false, options, now, lossless} {}

    MuxLink link() { return {&one.port, &other.port}; }
    MuxLink add_link(bool lossless) { return {&one.attach(lossless), &other.attach(lossless)}; }

    /// Carries the unit, and the word that it arrived.
    void carry(MuxEnd& from, MuxEnd& to, const MuxUnit& unit) { carry(link(), from, to, unit); }
    void carry(const MuxLink& link, MuxEnd& from, MuxEnd& to, const MuxUnit& unit) {
        auto& source = &from == &one ? *link.one : *link.other;
        auto& target = &from == &one ? *link.other : *link.one;
        const auto receipt = to.hear(target, unit);
        REQUIRE_FALSE(receipt.error);
        receipt.stored ? source.acked(unit.token, now) : source.lost(unit.token, now);
    }

    /// Carries all that either end has to say there, until neither has more.
    void settle() { settle(link()); }
    void settle(const MuxLink& link) {
        for (bool more = true; more;) {
            more = false;
            for (auto* const from : {&one, &other}) {
                auto& to = from == &one ? other : one;
                auto& source = from == &one ? *link.one : *link.other;
                for (auto unit = from->fill(source); !unit.empty(); unit = from->fill(source)) {
                    carry(link, *from, to, unit);
                    more = true;
                }
            }
        }
    }

    void pass(Duration duration) {
        now += duration;
        one.mux.advance(now);
        other.mux.advance(now);
    }

    /// One's stream as the other end has it.
    protocol::Stream& twin(const protocol::Stream& stream) {
        auto* const found = other.stream(static_cast<std::uint64_t>(stream.id));
        REQUIRE(found != nullptr);
        return *found;
    }

    Time now{std::chrono::seconds{1'000}};
    MuxEnd one;
    MuxEnd other;
};

}  // namespace braid::test
