#include "protocol/mux_port.hpp"

#include "protocol/mux.hpp"

#include <algorithm>
#include <functional>

namespace braid::protocol {

MuxPort::MuxPort(Mux& mux, const LinkTraits& traits, bool dialled, Duration idle,
                 Duration keep_alive, Time now) noexcept
    : mux_{mux},
      traits_{traits},
      dialled_{dialled},
      idle_{idle},
      keep_alive_{keep_alive},
      received_at_{now},
      sent_at_{now} {}

FrameToken MuxPort::fill(FrameWriter& unit, Time now) {
    return mux_.fill(*this, unit, lowest_level, now);
}

bool MuxPort::pending(Time) { return mux_.pending(*this, lowest_level); }

FrameToken MuxPort::fill_urgent(FrameWriter& unit, Time now) {
    return mux_.fill(*this, unit, urgent_level_max, now);
}

bool MuxPort::urgent_pending(Time) { return mux_.pending(*this, urgent_level_max); }

FrameSink::Receipt MuxPort::receive(std::span<const std::byte> bytes, Framing framing, Time now) {
    return mux_.receive(*this, bytes, framing, now);
}

FrameSink::Receipt MuxPort::receive(std::span<const std::byte> bytes, std::span<Message> beside,
                                    Time now) {
    return mux_.receive(*this, bytes, beside, now);
}

void MuxPort::acked(FrameToken token, Time now) { mux_.acked(*this, token, now); }

void MuxPort::lost(FrameToken token, Time now) { mux_.lost(*this, token, now); }

void MuxPort::set_path(const LinkPath& path) noexcept {
    path_ = path;
    scheduler_.set_rate(path.rate_bytes_per_second);
}

Time MuxPort::deadline() const noexcept {
    auto earliest = std::min(received_at_ + idle_, sent_at_ + keep_alive_);
    if (!copies_.empty()) earliest = std::min(earliest, copies_.front().at);
    if (!lossy_copies_.empty()) earliest = std::min(earliest, lossy_copies_.front().at);
    return earliest;
}

MuxPort::Slot* MuxPort::find_slot(std::uint64_t slot) noexcept {
    return slot < slots_.size() ? &slots_[slot] : nullptr;
}

// The slot of the stream that `frame` is about, or none.
std::uint64_t MuxPort::slot_of(const Frame& frame) noexcept {
    switch (frame.type) {
        case FrameType::blocked: return frame.slot - 1;  // 0: all streams
        case FrameType::stream_ack:
        case FrameType::message:
        case FrameType::message_long:
        case FrameType::refuse_stream:
        case FrameType::close_stream:
        case FrameType::reset_stream:
        case FrameType::stop:
        case FrameType::max_stream_data: return frame.slot;
        default: return no_slot;
    }
}

// True if `frame` is about a stream of which the OPEN may still come.
bool MuxPort::overtook_open(const Frame& frame) noexcept {
    const auto number = slot_of(frame);
    if (number == no_slot || named_here(number)) return false;  // that OPEN is ours
    const auto* const slot = find_slot(number);
    if (slot == nullptr) return true;
    if (slot->stream != nullptr) return false;
    // Who has not heard that its last word arrived says it again, however long ago that was.
    const bool last_word = frame.type == FrameType::stream_ack && frame.ended;
    return !(slot->retired && last_word);
}

// True if `frame` may be about the next stream in the slot of one that is over: the peer may have
// it free again, although this end does not know that its last word about it arrived.
bool MuxPort::may_be_of_next(const Frame& frame, Time now) noexcept {
    const auto number = slot_of(frame);
    if (number == no_slot || named_here(number)) return false;
    const auto* const slot = find_slot(number);
    if (slot == nullptr || slot->stream == nullptr) return false;
    auto& stream = *slot->stream;
    const bool over = stream.send_state == Stream::SendState::closed && stream.inbound.ended();
    const auto said_at = stream.name_on(*this)->end_said_at;
    if (!over || said_at == never) return false;
    const bool last_word = frame.type == FrameType::stream_ack && frame.ended;
    return !last_word && now - said_at >= quarantine_min;
}

MuxPort::Slot& MuxPort::make_slot(std::uint64_t slot) {
    if (slot >= slots_.size()) slots_.resize(slot + 1);
    return slots_[slot];
}

// The dialling side names streams with even slots, the accepting side with odd ones.
std::uint64_t MuxPort::allocate_slot(Time now) {
    // After a pause of this process, what waits to be read is older than the time says.
    const auto heard_until = std::min(now, received_at_);
    while (!quarantined_.empty() && quarantined_.front().first <= heard_until) {
        free_slots_.push_back(quarantined_.front().second);
        std::push_heap(free_slots_.begin(), free_slots_.end(), std::greater{});
        quarantined_.pop_front();
    }
    if (free_slots_.empty()) return 2 * slots_made_++ + (dialled_ ? 0 : 1);
    std::pop_heap(free_slots_.begin(), free_slots_.end(), std::greater{});
    const auto slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

void MuxPort::free_slot(std::uint64_t slot, Time until) {
    if (auto* const entry = find_slot(slot)) {
        const auto before = entry->stream != nullptr ? entry->stream->id : entry->before;
        *entry = Slot{};
        entry->before = before;
        entry->retired_until = until;
        entry->retired = true;
    }
    if (slot % 2 != (dialled_ ? 0u : 1u)) return;
    if (until != Time{}) {
        quarantined_.push_back({until, slot});
        return;
    }
    free_slots_.push_back(slot);
    std::push_heap(free_slots_.begin(), free_slots_.end(), std::greater{});
}

MuxPort::SentUnit* MuxPort::sent_unit(FrameToken token) noexcept {
    if (token < sent_first_ || token - sent_first_ >= sent_.size()) return nullptr;
    auto& unit = sent_[token - sent_first_];
    return unit.settled ? nullptr : &unit;
}

// What is in the unit is logged from here on under the token.
FrameToken MuxPort::close_unit() {
    const auto end = log_first_ + log_.size();
    SentUnit unit;
    unit.first = std::exchange(log_closed_, end);
    unit.frames = static_cast<std::uint32_t>(end - unit.first);
    unit.words = std::exchange(log_has_words_, false);
    if (unit.words) ++words_under_way_;
    sent_.push_back(unit);
    return sent_first_ + sent_.size() - 1;
}

// A unit that was said to be lost is remembered for as long as it may be on its way after all.
void MuxPort::forget_settled(Time now) noexcept {
    while (!sent_.empty()) {
        const auto& oldest = sent_.front();
        const bool given_up =
            oldest.lost && (now - oldest.lost_at > lossy_wait() || sent_.size() > lost_units_max);
        if (!oldest.settled && !given_up) return;
        for (auto left = oldest.frames; left > 0; --left) log_.pop_front();
        log_first_ += oldest.frames;
        sent_.pop_front();
        ++sent_first_;
    }
}

// How long what was not guaranteed may come after the peer said that it was all.
Duration MuxPort::lossy_wait() const noexcept {
    constexpr Duration least = std::chrono::milliseconds{250};
    return std::max(2 * path_.round_trip_time, least);
}

// Three probe timeouts (RFC 9002, 6.2.1), with the round trip's variation taken as half of it. On a
// short way a single packet is easily held up for longer than that, and nothing in a late message
// tells it from one of the stream that has the slot next.
Duration MuxPort::quarantine() const noexcept {
    if (traits_.lossless) return Duration::zero();
    constexpr Duration ack_delay_max = std::chrono::milliseconds{25};
    return std::max(3 * (3 * path_.round_trip_time + ack_delay_max), quarantine_min);
}

}  // namespace braid::protocol
