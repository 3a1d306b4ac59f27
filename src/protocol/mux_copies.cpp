#include "protocol/mux.hpp"

#include <algorithm>

namespace braid::protocol {

namespace {

// A stream that carries less than this, averaged over a second, costs little to send twice.
constexpr double thin_bytes_per_second = 8'000;
constexpr Duration thin_time = std::chrono::seconds{1};
constexpr std::uint8_t thin_level_max = 2;

// Below, waiting for a retransmission is rare enough.
constexpr double loss_min = 0.005;

// Of guaranteed messages, a copy follows after a quarter of a round trip: it survives a short burst
// and comes well before a retransmission could. Measured in the study of the UDP channel.
constexpr Duration guaranteed_wait_min = std::chrono::milliseconds{4};

// Of others, copies go with what leaves next; if nothing does, later than the next message of a
// stream of 60 a second would have.
constexpr Duration lossy_wait_min = std::chrono::milliseconds{20};

// Copies take at most so much of the window in each round trip. Where the link does not tell:
// RFC 9002's initial window and a round trip on a continent.
constexpr double budget_share = 0.1;
constexpr std::uint64_t window_assumed = 12'000;
constexpr Duration round_trip_assumed = std::chrono::milliseconds{100};

constexpr std::size_t copies_kept_max = 1'024;

Duration time_of(double bytes, double bytes_per_second) noexcept {
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(bytes / bytes_per_second));
}

}  // namespace

// `before` messages had been sent before the write: those since are new.
void Mux::note_sent(MuxPort& port, Stream& stream, std::uint64_t before, std::size_t bytes,
                    Time now) {
    if (!is_guaranteed(stream.inbound.delivery())) {
        if (!stream.outbound.copies_wait() || std::exchange(stream.copies_listed, true)) return;
        const auto wait = std::max(port.path_.round_trip_time / 2, lossy_wait_min);
        port.lossy_copies_.push_back({now + wait, stream.id});
        return;
    }
    const auto begun = stream.outbound.count() - before;
    if (begun == 0) return;
    const auto copies = copies_of(port, stream, bytes, now);
    if (copies == 0 || port.copies_.size() == copies_kept_max) return;
    copy_later(port, {now, stream.id, before, begun, copies}, now);
}

std::uint8_t Mux::copies_of(const MuxPort& port, Stream& stream, std::size_t bytes, Time now) {
    const auto& options = stream.options;
    if (options.copies) return *options.copies;
    if (options.priority.level() > thin_level_max) return 0;
    // A bucket that fills with what is sent and leaks at the rate.
    stream.thin_until = std::max(stream.thin_until, now) +
                        time_of(static_cast<double>(bytes), thin_bytes_per_second);
    const bool thin = stream.thin_until - now <= thin_time;
    return thin && port.path_.loss > loss_min ? 1 : 0;
}

// In the order of their time, even if the round trip has become shorter.
void Mux::copy_later(MuxPort& port, MuxPort::Copy copy, Time now) {
    copy.at = now + std::max(port.path_.round_trip_time / 4, guaranteed_wait_min);
    if (!port.copies_.empty()) copy.at = std::max(copy.at, port.copies_.back().at);
    port.copies_.push_back(copy);
}

bool Mux::afford_copy(MuxPort& port, std::uint64_t bytes, Time now) noexcept {
    const auto& path = port.path_;
    const auto window = path.window_bytes != 0 ? path.window_bytes : window_assumed;
    const auto round_trip =
        path.round_trip_time > Duration::zero() ? path.round_trip_time : round_trip_assumed;
    const auto share = budget_share * static_cast<double>(window);
    const auto cost = std::chrono::duration_cast<Duration>(
        static_cast<double>(bytes) / share * std::chrono::duration<double>(round_trip));
    const auto spent = std::max(port.copies_spent_until_, now) + cost;
    if (spent - now > round_trip) {
        ++counters_.copies_left_out;
        return false;
    }
    port.copies_spent_until_ = spent;
    return true;
}

// What is due, now that its time has come.
void Mux::copy_due(MuxPort& port, Time now) {
    while (!port.copies_.empty() && port.copies_.front().at <= now) {
        auto copy = port.copies_.front();
        port.copies_.pop_front();
        auto* const stream = find(copy.stream);
        if (stream == nullptr || stream->port != &port) continue;
        const auto bytes = stream->outbound.copy_bytes(copy.first, copy.count);
        if (bytes == 0 || !afford_copy(port, bytes, now)) continue;
        stream->outbound.copy(copy.first, copy.count);
        activate(*stream, now);
        if (--copy.left > 0) copy_later(port, copy, now);
    }
    if (!port.lossy_copies_.empty() && port.lossy_copies_.front().at <= now) {
        release_copies(port, now);
    }
}

// What was acknowledged needs no timer.
void Mux::forget_copies(MuxPort& port) noexcept {
    while (!port.copies_.empty()) {
        const auto& copy = port.copies_.front();
        const auto* const stream = find(copy.stream);
        if (stream != nullptr && stream->port == &port &&
            stream->outbound.copy_bytes(copy.first, copy.count) != 0) {
            return;
        }
        port.copies_.pop_front();
    }
}

// Of streams that may lose: what waited for the next unit.
void Mux::release_copies(MuxPort& port, Time now) {
    while (!port.lossy_copies_.empty()) {
        auto* const stream = find(port.lossy_copies_.front().stream);
        port.lossy_copies_.pop_front();
        if (stream == nullptr || stream->port != &port) continue;
        stream->copies_listed = false;
        const auto bytes = stream->outbound.copies_waiting_bytes();
        if (bytes == 0) continue;
        if (!afford_copy(port, bytes, now)) {
            stream->outbound.drop_copies();
            continue;
        }
        stream->outbound.release_copies();
        activate(*stream, now);
    }
}

}  // namespace braid::protocol
