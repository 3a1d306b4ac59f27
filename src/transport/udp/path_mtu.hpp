#pragma once

#include "protocol/time.hpp"

#include <cstddef>
#include <optional>

namespace braid::transport {

/// How long packets may be on this path: found out by probes, never by what ICMP claims.
/// RFC 8899; falls back when longer packets alone begin to get lost (a black hole).
class PathMtu {
public:
    /// @param limit_bytes what the interface carries, as UDP payload
    PathMtu(std::size_t limit_bytes, protocol::Time now) noexcept;

    std::size_t packet_bytes() const noexcept;

    /// The size of the probe to be sent now, if one is due.
    std::optional<std::size_t> probe(protocol::Time now) const noexcept;
    void probe_sent(std::size_t bytes, protocol::Time now) noexcept;
    protocol::Time deadline() const noexcept;

    /// Of any packet, probes among them.
    void acked(std::size_t bytes, protocol::Time now) noexcept;
    void lost(std::size_t bytes, bool probe, protocol::Time now) noexcept;

    /// The system says that this size does not go (EMSGSIZE).
    void too_big(std::size_t bytes, protocol::Time now) noexcept;
    void path_changed(protocol::Time now) noexcept;
};

}  // namespace braid::transport
