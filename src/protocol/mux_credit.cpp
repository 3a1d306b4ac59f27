#include "protocol/mux.hpp"

#include <algorithm>

namespace braid::protocol {

void Mux::activate_credit_blocked(Time now) {
    for (auto* const stream : std::exchange(credit_blocked_, {})) {
        stream->credit_blocked = false;
        activate(*stream, now);
    }
}

bool Mux::still_blocked() const noexcept {
    return send_credit_.told_blocked() && !credit_blocked_.empty();
}

void Mux::offer_credit(Stream& stream) {
    auto& credit = stream.inbound.credit();
    if (!stream.inbound.ended() && (credit.due() || (stream.peer_blocked && credit.raised()))) {
        stream.peer_blocked = false;
        want(stream, Control::max_stream_data);
    }
    if (receive_credit_.due() || (peer_blocked_ && receive_credit_.raised())) {
        peer_blocked_ = false;
        max_data_wanted_ = true;
    }
}

void Mux::offer_streams() noexcept {
    const auto granted = retired_there_ + options_.limits.peer_streams;
    const auto left = streams_announced_ - opened_there_;
    if (granted > streams_announced_ && left <= options_.limits.peer_streams / 2) {
        max_streams_wanted_ = true;
    }
}

// Room for messages longer than their stream's window, first come first served. One always gets
// it, so that a message that is allowed at all can arrive.
void Mux::grant_reservations() {
    const auto budget = std::max<std::uint64_t>(
        options_.limits.participant_receive_window_bytes_max, options_.limits.message_bytes);
    while (!reservations_.empty()) {
        auto* const stream = find(reservations_.front());
        const auto wanted = stream == nullptr ? 0 : stream->inbound.reservation_wanted();
        if (wanted != 0) {
            const auto reserved = receive_credit_.reserved();
            if (reserved != 0 && reserved + wanted > budget) return;
            stream->inbound.grant_reservation(receive_credit_);
            want(*stream, Control::max_stream_data);
            max_data_wanted_ = true;
        }
        if (stream != nullptr) stream->reservation_listed = false;
        reservations_.erase(reservations_.begin());
    }
}

}  // namespace braid::protocol
