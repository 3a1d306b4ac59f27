#include "sim/soak_lane.hpp"

#include "sim/check.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <cstring>
#include <string>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::DeliveryClass;
using braid::protocol::MessageQueue;
using braid::protocol::Mux;
using braid::protocol::Stream;

namespace {

constexpr std::size_t content_bytes = 16u << 20;

constexpr Duration stuck_after = 10s;

// When all sizes have been seen, and every table has grown to what it needs.
constexpr unsigned samples_warm = 10;
// Tables double when a queue happens to be longer than ever before: in short runs, which are hardly
// warm by then, 180 kB were seen after that. A byte lost for each packet would be much more.
constexpr std::uint64_t heap_slack = 512u << 10;

}  // namespace

SoakContent::SoakContent(std::uint64_t seed) : bytes_{Random{seed}.bytes(content_bytes)} {
    block_.data = bytes_.data();
    block_.capacity = static_cast<std::uint32_t>(bytes_.size());
    block_.references = 1;
    block_.recycle = [](braid::protocol::Block&) {};
}

SoakContent::Piece SoakContent::piece(std::uint64_t key, std::uint64_t index,
                                      std::uint32_t bytes_min, std::uint32_t bytes_max) {
    Random random{key * 0x9e3779b97f4a7c15u + index};
    const auto bytes = static_cast<std::uint32_t>(random.between(bytes_min, bytes_max));
    return {static_cast<std::uint32_t>(random.below(content_bytes - bytes + 1)), bytes};
}

bool SoakContent::equals(const Piece& piece, std::span<const std::byte> bytes) const {
    return bytes.size() == piece.bytes &&
           (bytes.empty() ||
            std::memcmp(bytes_.data() + piece.offset, bytes.data(), bytes.size()) == 0);
}

std::uint32_t SoakLane::send(Mux& mux, Stream& stream, Time now) {
    const auto piece = SoakContent::piece(shape_.key, sent_++, shape_.bytes_min, shape_.bytes_max);
    mux.enqueue(stream, content_.block(), {piece.offset, piece.bytes}, now);
    return piece.bytes;
}

void SoakLane::receive(Mux& mux, Stream& stream, SoakReport& report) {
    MessageQueue::Front front;
    std::uint64_t charge = 0;
    while (stream.inbound.delivered.front(front)) {
        check(stream.inbound.delivery(), front.number, front.bytes);
        ++received_;
        ++report.messages;
        report.bytes += front.bytes.size();
        charge += front.charge;
        stream.inbound.delivered.pop();
    }
    if (charge != 0) mux.consume(stream, charge);
}

void SoakLane::check(DeliveryClass delivery, std::uint64_t number,
                     std::span<const std::byte> bytes) {
    const auto say = [&](const char* what) {
        return [&, what] {
            return what + (", message " + std::to_string(number)) + " of stream key " +
                   std::to_string(shape_.key);
        };
    };
    require(number < sent_, say("never sent"));
    switch (delivery) {
        case DeliveryClass::guaranteed_ordered: require(number == next_, say("not next")); break;
        case DeliveryClass::sequenced: require(number >= next_, say("older")); break;
        default: require(seen_.insert(number, number + 1) == 1, say("a duplicate")); break;
    }
    next_ = number + 1;
    const auto piece = SoakContent::piece(shape_.key, number, shape_.bytes_min, shape_.bytes_max);
    require(content_.equals(piece, bytes), say("other bytes"));
}

SoakWatch::SoakWatch(SoakPair& pair, const SoakOptions& options)
    : pair_{pair}, options_{options}, began_{pair.now()} {}

void SoakWatch::run_until(const std::function<bool()>& done) {
    auto bytes = report_.bytes;
    auto moved_at = pair_.now();
    while (!done()) {
        pair_.step(pair_.now() + stuck_after);
        if (std::exchange(bytes, report_.bytes) != report_.bytes) moved_at = pair_.now();
        require(pair_.now() - moved_at < stuck_after, "nothing moves");
    }
}

void SoakWatch::check_memory() {
    for (std::size_t side = 0; side < 2; ++side) pair_.end(side).mux->rest();
    if (!options_.heap_bytes) return;
    const auto heap = report_.heap_last = options_.heap_bytes();
    report_.heap_most = std::max(report_.heap_most, heap);
    if (++samples_ <= samples_warm) {
        report_.heap_first = report_.heap_most;
        return;
    }
    require(heap <= report_.heap_first + heap_slack, [&] {
        return "memory grows: " + std::to_string(report_.heap_first) + " bytes, now " +
               std::to_string(heap);
    });
}

void SoakWatch::tell() {
    report_.elapsed = pair_.now() - began_;
    report_.packets = pair_.packets_sent();
    report_.packets_lost = report_.losses_spurious = report_.probe_timeouts = 0;
    report_.path_changes = 0;
    for (std::size_t side = 0; side < 2; ++side) {
        const auto& counters = pair_.end(side).link->counters();
        report_.packets_lost += counters.traffic.packets_lost;
        report_.losses_spurious += counters.losses_spurious;
        report_.probe_timeouts += counters.probe_timeouts;
        report_.path_changes += counters.path_changes;
    }
    if (options_.progress) options_.progress(report_);
}

}  // namespace sim
