#include "transport/udp/acknowledgements.hpp"

#include "protocol/prefix_varint.hpp"
#include "transport/udp/packet.hpp"

#include <braid/error.hpp>

#include <algorithm>

namespace braid::transport {
namespace {

using protocol::DecodeStatus;
using protocol::Duration;
using protocol::Time;

constexpr Duration delay_unit = std::chrono::microseconds{8};
// Longer delays are all alike: no more than Acknowledgements::delay_max is believed anyway.
constexpr Duration::rep delay_units_max = std::chrono::seconds{8} / delay_unit;

constexpr std::size_t short_bytes = 2;
constexpr std::size_t long_bytes = 4;

// 16 bits tell a number to a sender that has sent less than 2^15 since. Where no more numbers than
// this were used in the last span of time and the present one, a sender whose round trip is shorter
// than a span, and who does no more than double its rate within one, is below half of that.
constexpr std::uint64_t sparse_numbers_max = 8192;
constexpr Duration sparse_span = std::chrono::seconds{16};

bool read(std::span<const std::byte>& in, std::uint64_t& value) noexcept {
    return protocol::decode_prefix_varint(in, value) == DecodeStatus::complete;
}

void write_number(std::byte* out, std::uint64_t number, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < bytes; ++i, number >>= 8) out[i] = static_cast<std::byte>(number);
}

bool read_largest(std::span<const std::byte>& in, std::uint64_t sent_largest,
                  std::uint64_t& largest) noexcept {
    if (in.empty() || (in[0] != ack_frame_short && in[0] != ack_frame_long)) return false;
    const auto bytes = in[0] == ack_frame_short ? short_bytes : long_bytes;
    if (in.size() < 1 + bytes) return false;
    std::uint32_t low = 0;
    for (auto i = bytes; i > 0; --i) low = low << 8 | std::to_integer<std::uint32_t>(in[i]);
    largest = expand_packet_number(low, static_cast<unsigned>(bytes), sent_largest);
    in = in.subspan(1 + bytes);
    return true;
}

// `below` is one past the newest number that this range may have.
bool read_range(std::span<const std::byte>& in, std::uint64_t below,
                AckFrame::Range& range) noexcept {
    std::uint64_t length = 0;
    if (!read(in, length) || length >= below) return false;
    range = {below - length - 1, below};
    return true;
}

}  // namespace

std::error_code decode_ack(std::span<const std::byte>& in, std::uint64_t sent_largest,
                           AckFrame& out) noexcept {
    const std::error_code malformed = errc::frame_malformed;
    auto rest = in;
    std::uint64_t largest = 0;
    std::uint64_t delay = 0;
    std::uint64_t more = 0;
    if (!read_largest(rest, sent_largest, largest) || !read(rest, delay) || !read(rest, more) ||
        more >= AckFrame::ranges_max || !read_range(rest, largest + 1, out.ranges[0])) {
        return malformed;
    }
    for (std::size_t i = 1; i <= more; ++i) {
        const auto begin = out.ranges[i - 1].begin;
        std::uint64_t gap = 0;
        // A gap of one number or more, and below it another one: `begin` less gap + 1 is above 0.
        if (!read(rest, gap) || begin < 2 || gap > begin - 2) return malformed;
        if (!read_range(rest, begin - gap - 1, out.ranges[i])) return malformed;
    }
    constexpr auto units_max = static_cast<std::uint64_t>(delay_units_max);
    out.delay = static_cast<Duration::rep>(std::min(delay, units_max)) * delay_unit;
    out.count = static_cast<std::size_t>(more) + 1;
    in = rest;
    return {};
}

bool Acknowledgements::is_new(std::uint64_t number) const noexcept {
    return number >= floor_ && !seen_.contains(number);
}

void Acknowledgements::received(std::uint64_t number, bool eliciting, bool at_once, Time now) {
    if (!is_new(number)) return;
    const bool in_order = any() && number == largest() + 1;
    if (!any() || number > largest()) {
        note_newest(number, now);
    } else {
        note_late(number);
    }
    seen_.insert(number, number + 1);
    if (seen_.size() > ranges_max) {
        const auto oldest = seen_.front();
        floor_ = oldest.end;
        seen_.erase(oldest.begin, oldest.end);
    }
    if (!eliciting) return;
    ++eliciting_;
    const bool waits = in_order && !at_once && eliciting_ < eliciting_max;
    due_ = std::min(due_, waits ? protocol::after(now, delay_max) : now);
}

std::uint64_t Acknowledgements::largest() const noexcept {
    return seen_.empty() ? 0 : seen_.back().end - 1;
}

bool Acknowledgements::any() const noexcept { return !seen_.empty(); }

bool Acknowledgements::pending() const noexcept { return eliciting_ > 0; }

Time Acknowledgements::due() const noexcept { return due_; }

std::size_t Acknowledgements::write(std::span<std::byte> out, Time now) {
    if (!any()) return 0;
    const auto number_bytes = is_sparse() ? short_bytes : long_bytes;
    const auto delay = static_cast<std::uint64_t>(
        std::clamp<Duration::rep>((now - newest_at_) / delay_unit, 0, delay_units_max));
    const auto oldest = std::min(told_below_, largest());
    auto range = seen_.end() - 1;
    auto begin = std::max(range->begin, oldest);
    const auto fixed = 1 + number_bytes + protocol::prefix_varint_bytes(delay) + 1;
    auto at = fixed + protocol::prefix_varint_bytes(range->end - begin - 1);
    if (at > out.size()) return 0;

    out[0] = number_bytes == short_bytes ? ack_frame_short : ack_frame_long;
    write_number(&out[1], largest(), number_bytes);
    protocol::encode_prefix_varint(delay, &out[1 + number_bytes]);
    protocol::encode_prefix_varint(range->end - begin - 1, &out[fixed]);
    std::size_t more = 0;
    while (range != seen_.begin() && more + 1 < AckFrame::ranges_max) {
        --range;
        if (range->end <= oldest) break;
        const auto gap = begin - range->end - 1;
        begin = std::max(range->begin, oldest);
        const auto length = range->end - begin - 1;
        const auto gap_bytes = protocol::prefix_varint_bytes(gap);
        if (at + gap_bytes + protocol::prefix_varint_bytes(length) > out.size()) break;
        protocol::encode_prefix_varint(gap, &out[at]);
        at += gap_bytes;
        at += protocol::encode_prefix_varint(length, &out[at]);
        ++more;
    }
    // As ranges_max is below 128, the count has one byte.
    protocol::encode_prefix_varint(more, &out[fixed - 1]);
    largest_written_ = largest();
    written_ = true;
    eliciting_ = 0;
    due_ = protocol::never;
    return at;
}

// Of packets that came late it is not known which ACK was the first to tell of them, only that
// those with a larger number did. One more set of them is kept, or packets that are late all the
// time would put off the moment for ever.
void Acknowledgements::told(std::uint64_t largest) noexcept {
    if (largest > largest_written_) return;
    if (largest > late_.written) {
        late_ = late_next_;
        late_next_ = {};
    }
    if (largest > late_.written) late_ = {};
    const auto told = std::min({largest + 1, late_.oldest, late_next_.oldest});
    told_below_ = std::max(told_below_, told);
}

void Acknowledgements::note_late(std::uint64_t number) noexcept {
    told_below_ = std::min(told_below_, number);
    if (!written_ || number > largest_written_) return;
    late_next_.oldest = std::min(late_next_.oldest, number);
    late_next_.written = largest_written_;
}

void Acknowledgements::note_newest(std::uint64_t number, Time now) noexcept {
    newest_at_ = now;
    if (!any()) {
        span_began_ = now;
        span_first_ = span_first_before_ = number;
    } else if (now - span_began_ >= sparse_span) {
        // After a longer pause, nothing is under way that this was about.
        span_first_before_ = now - span_began_ >= 2 * sparse_span ? largest() : span_first_;
        span_first_ = largest();
        span_began_ = now;
    }
}

bool Acknowledgements::is_sparse() const noexcept {
    return largest() - span_first_before_ < sparse_numbers_max;
}

}  // namespace braid::transport
