#pragma once

#include "protocol/time.hpp"

#include <asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace braid::transport {

/// When a dialling end takes another port: it is this end's address, or what a router on the way
/// knows of it, that may have died. The peer follows wherever authentic packets come from (RFC
/// 9000, 9).
class Relocation {
public:
    /// In a row, with nothing heard in between: a burst of losses is over by the third, which comes
    /// after seven times the first.
    static constexpr unsigned probe_timeouts_min = 3;

    /// From the first of them on. Where the peer is near they take milliseconds, and a process that
    /// does not get its turn is silent for longer.
    static constexpr protocol::Duration silence_min = std::chrono::seconds{1};

    /// Between two of them. A peer follows four in ten seconds (PathValidation): one is left for
    /// what routers do by themselves.
    static constexpr protocol::Duration pause = std::chrono::seconds{4};

    /// The system found no way for a datagram.
    void lost(std::error_code reason) noexcept { no_way_ = no_way_ || is_of_this_end(reason); }

    /// Before something is sent. False if all is well: take() has nothing to say then.
    /// @param probe_timeouts in a row, as of now
    bool suspects(unsigned probe_timeouts) noexcept {
        if (probe_timeouts == 0) silent_since_ = protocol::never;
        return no_way_ || probe_timeouts > 0;
    }

    /// True if it is to move now. Each time counts, whether or not there is another place.
    bool take(unsigned probe_timeouts, protocol::Time now) noexcept {
        silent_since_ = std::min(silent_since_, now);
        const bool silent =
            probe_timeouts >= probe_timeouts_min && now - silent_since_ >= silence_min;
        if ((!silent && !no_way_) || now < not_before_) return false;
        no_way_ = false;
        not_before_ = protocol::after(now, pause);
        return true;
    }

private:
    /// Errors that another socket may not have: of interfaces and routes, not of one datagram.
    static bool is_of_this_end(std::error_code reason) noexcept {
        // asio 1.22 does not relate its category to std::errc, and has no name for this one.
        const std::error_code address_not_available{EADDRNOTAVAIL,
                                                    asio::error::get_system_category()};
        return reason == asio::error::network_unreachable || reason == asio::error::network_down ||
               reason == asio::error::host_unreachable || reason == address_not_available;
    }

    bool no_way_ = false;
    protocol::Time silent_since_ = protocol::never;
    protocol::Time not_before_ = protocol::Time::min();
};

}  // namespace braid::transport
