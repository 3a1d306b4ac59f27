// Two real muxes, joined by a queue that loses, delays and shuffles; what happens next is read from
// the input. Whoever accuses its honest peer, delivers twice or out of order has failed. With the
// first byte odd, the rest is given to one mux as frames instead: it must refuse or survive them.

#include "protocol/mux.hpp"

#include "input.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <vector>

using namespace braid::protocol;
using fuzz::Input;
using namespace std::chrono_literals;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

MuxOptions options(bool even) {
    MuxOptions made;
    made.even_ids = even;
    made.limits.message_bytes = 60'000;
    made.limits.stream_receive_window_bytes = 4'000;
    made.limits.participant_receive_window_bytes = 16'000;
    made.limits.peer_streams = 6;
    made.peer = {.stream_credit = 4'000,
                 .participant_credit = 16'000,
                 .streams = 6,
                 .message_bytes_max = 60'000,
                 .idle = 15s};
    return made;
}

struct End {
    explicit End(bool even) : mux{options(even)} {}

    Mux mux;
    MuxPort* port = nullptr;
    std::map<std::uint64_t, Stream*> streams;
    std::map<std::uint64_t, std::uint64_t> next;  // of what is delivered, by stream
    std::map<std::uint64_t, std::uint64_t> sent;
    std::map<std::uint64_t, std::uint64_t> received;
    std::map<std::uint64_t, IntervalSet> seen;
    struct Unit {
        std::vector<std::byte> bytes;
        FrameToken token;
    };
    std::deque<Unit> arriving;
};

class World {
public:
    explicit World(Input input, bool lossless) : input_{input}, lossless_{lossless} {
        block_.data = bytes_.data();
        block_.recycle = [](Block&) {};
        for (std::size_t side = 0; side < 2; ++side) {
            auto& end = ends_[side];
            end.port = &end.mux.attach({lossless, lossless, false}, side == 0, now_);
            // So much loss that streams send copies by themselves.
            end.port->set_path({1'000'000, 20ms, 20'000, lossless ? 0 : 0.02});
        }
    }

    void run() {
        while (input_.size > 0) step();
    }

private:
    void step() {
        const auto what = input_.take();
        const std::size_t side = what & 1u;
        auto& end = ends_[side];
        switch (what >> 1u & 7u) {
            case 0: open(end); break;
            case 1:
            case 2: send(end); break;
            case 3: transmit(end, ends_[1 - side]); break;
            case 4:
            case 5: arrive(end, ends_[1 - side]); break;
            case 6: read(end, ends_[1 - side]); break;
            default: finish(end); break;
        }
        for (auto* const stream : end.mux.take_changed()) {
            end.streams[static_cast<std::uint64_t>(stream->id)] = stream;
            stream->changes = 0;
        }
        now_ += Duration{input_.take() * 100'000};
        if (end.mux.deadline() <= now_) end.mux.advance(now_);
    }

    Stream* some_stream(End& end) {
        if (end.streams.empty()) return nullptr;
        auto at = end.streams.begin();
        std::advance(at, input_.take() % end.streams.size());
        return at->second;
    }

    void open(End& end) {
        braid::StreamOptions made;
        const auto promises = input_.take();
        made.promises = static_cast<braid::Promises>(promises & 5u);
        const auto more = input_.take();
        made.priority = more & 7;
        if ((promises & 2u) != 0) made.copies = static_cast<std::uint8_t>(more >> 6u);
        const bool lossy = !covers(made.promises, braid::Promises::guaranteed_delivery);
        if (lossy && (promises & 8u) != 0) made.time_to_live = 1ms * (more >> 3u);
        made.latest_only = lossy && (promises & 16u) != 0;
        if (lossy && covers(made.promises, braid::Promises::ordered) && (promises & 32u) != 0) {
            made.reorder_wait = 1ms * (1 + (more >> 3u));
        }
        auto* const stream = end.mux.open(made, now_);
        if (stream != nullptr) end.streams[static_cast<std::uint64_t>(stream->id)] = stream;
    }

    void send(End& end) {
        auto* const stream = some_stream(end);
        if (stream == nullptr || stream->outbound.messages_queued() > 50) return;
        const auto size = static_cast<std::uint32_t>(input_.take() * (input_.take() & 63u));
        end.mux.enqueue(*stream, block_, {0, size}, now_);
        ++end.sent[static_cast<std::uint64_t>(stream->id)];
    }

    void transmit(End& end, End& other) {
        std::vector<std::byte> buffer(300 + 4u * input_.take());
        std::vector<FrameWriter::Reference> references;
        auto writer =
            lossless_ ? FrameWriter{buffer, buffer.size(), references} : FrameWriter{buffer};
        const bool pending = end.port->pending(now_);
        const auto token = end.port->fill(writer, now_);
        require(pending || writer.written() == 0);
        require(writer.written() > 0 || !end.port->pending(now_));
        if (writer.written() == 0) return;
        buffer.resize(writer.copied());
        std::size_t inserted = 0;
        for (const auto& each : references) {
            const auto at = buffer.begin() + static_cast<std::ptrdiff_t>(each.position + inserted);
            buffer.insert(at, each.bytes.begin(), each.bytes.end());
            inserted += each.bytes.size();
        }
        other.arriving.push_back({std::move(buffer), token});
    }

    void arrive(End& end, End& other) {
        if (end.arriving.empty()) return;
        const auto chance = input_.take();
        const auto index = lossless_ ? 0 : (chance >> 2u) % end.arriving.size();
        const auto unit = std::move(end.arriving[index]);
        end.arriving.erase(end.arriving.begin() + static_cast<std::ptrdiff_t>(index));
        if (!lossless_ && (chance & 3u) == 3) {
            other.port->lost(unit.token, now_);
            return;
        }
        const auto framing = lossless_ ? Framing::stream : Framing::unit;
        const auto receipt = end.port->receive(unit.bytes, framing, now_);
        require(!receipt.error);
        require(receipt.consumed == unit.bytes.size());
        if (lossless_) return;
        if (!receipt.stored || (chance & 3u) == 2) other.port->lost(unit.token, now_);
        if (receipt.stored) other.port->acked(unit.token, now_);
    }

    void read(End& end, End& other) {
        auto* const stream = some_stream(end);
        if (stream == nullptr) return;
        const auto id = static_cast<std::uint64_t>(stream->id);
        auto& next = end.next[id];
        const bool ordered = covers(stream->options.promises, braid::Promises::ordered);
        MessageQueue::Front front;
        std::uint64_t charge = 0;
        while (stream->inbound.delivered.front(front)) {
            if (ordered) require(front.number >= next);
            if (stream->inbound.delivery() == DeliveryClass::guaranteed_ordered) {
                require(front.number == next);
            }
            if (is_guaranteed(stream->inbound.delivery())) {
                require(end.seen[id].insert(front.number, front.number + 1) == 1);
            }
            next = front.number + 1;
            // Copies are not counted twice.
            require(++end.received[id] <= other.sent[id]);
            require(front.bytes.empty() ||
                    std::memcmp(front.bytes.data(), bytes_.data(), front.bytes.size()) == 0);
            charge += front.charge;
            stream->inbound.delivered.pop();
        }
        end.mux.consume(*stream, charge);
    }

    void finish(End& end) {
        auto* const stream = some_stream(end);
        if (stream == nullptr) return;
        switch (input_.take() & 7u) {
            case 0: end.mux.reset(*stream, 1, now_); break;
            case 1: end.mux.stop(*stream, 2); break;
            case 2:
                end.streams.erase(static_cast<std::uint64_t>(stream->id));
                end.mux.release(*stream, now_);
                break;
            case 3: end.mux.want_confirmation(*stream); break;
            default: end.mux.finish(*stream, now_); break;
        }
    }

    Input input_;
    bool lossless_;
    Time now_{1'000s};
    std::vector<std::byte> bytes_ = [] {
        std::vector<std::byte> made(20'000);
        for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<std::byte>(i * 7 / 3);
        return made;
    }();
    Block block_;
    BlockReference keeper_{block_};
    std::array<End, 2> ends_{End{true}, End{false}};
};

void raw(Input input) {
    const bool lossless = (input.take() & 1u) != 0;
    Mux mux{options(true)};
    auto& port = mux.attach({lossless, lossless, false}, true, Time{1'000s});
    mux.open({}, Time{1'000s});
    while (input.size > 0) {
        const auto size = std::min<std::size_t>(input.take(), input.size);
        const std::vector<std::byte> bytes(reinterpret_cast<const std::byte*>(input.data),
                                           reinterpret_cast<const std::byte*>(input.data) + size);
        input.data += size;
        input.size -= size;
        const auto framing = lossless ? Framing::stream : Framing::unit;
        if (port.receive(bytes, framing, Time{1'000s}).error) return;
        std::vector<std::byte> buffer(1'200);
        FrameWriter writer{buffer};
        port.fill(writer, Time{1'000s});
        for (auto* const stream : mux.take_changed()) stream->changes = 0;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input{data, size};
    const auto kind = input.take();
    if ((kind & 1u) != 0) {
        raw(input);
    } else {
        World{input, (kind & 2u) != 0}.run();
    }
    return 0;
}
