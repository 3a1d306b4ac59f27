#pragma once

#include "protocol/time.hpp"

#include <cstddef>
#include <optional>

namespace braid::transport {

/// How long packets may be on this path: found out by probes, never by what ICMP claims.
/// RFC 8899; falls back when longer packets alone begin to get lost (a black hole).
class PathMtu {
public:
    /// What every path is taken to carry, as UDP payload (RFC 9000, 14).
    static constexpr std::size_t base_bytes = 1200;

    /// @param limit_bytes what the interface carries, as UDP payload
    PathMtu(std::size_t limit_bytes, protocol::Time now) noexcept;

    std::size_t packet_bytes() const noexcept { return good_; }

    /// The size of the probe to be sent now, if one is due.
    std::optional<std::size_t> probe(protocol::Time now) const noexcept;
    void probe_sent(std::size_t bytes, protocol::Time now) noexcept;

    /// When probe() has something; never while it waits for what became of the last one.
    protocol::Time deadline() const noexcept;

    /// Of any packet, probes among them. Those of one acknowledgement come before lost().
    void acked(std::size_t bytes, protocol::Time now) noexcept;
    void lost(std::size_t bytes, bool probe, protocol::Time now) noexcept;

    /// The system says that this size does not go (EMSGSIZE).
    void too_big(std::size_t bytes, protocol::Time now) noexcept;
    void path_changed(protocol::Time now) noexcept;

private:
    void search(protocol::Time at) noexcept;
    std::size_t next_size() const noexcept;
    void choose_candidate(protocol::Time at) noexcept;
    void candidate_failed(protocol::Time now) noexcept;
    void fall_back(protocol::Time now) noexcept;

    std::size_t limit_;      ///< of the interface
    std::size_t good_;       ///< longest that is known to arrive
    std::size_t ceiling_;    ///< longest that may yet arrive, as far as this search knows
    std::size_t candidate_;  ///< that is probed; 0: none, the search is over
    unsigned tries_ = 0;     ///< of the candidate, that were lost
    bool probing_ = false;   ///< one is under way
    protocol::Time search_at_;
    unsigned black_holes_ = 0;

    unsigned long_lost_ = 0;  ///< in a row
    std::size_t long_lost_least_ = 0;
    std::size_t long_acked_ = 0;
    protocol::Time long_acked_at_{};
};

}  // namespace braid::transport
