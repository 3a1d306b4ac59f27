#pragma once

#include <cstdint>

/// The numbers with which streams and participants are closed. Those of the application are 0 to
/// application_max; braid's own lie above, so that both can be told apart.
namespace braid::close_code {

/// The highest that an application may use.
inline constexpr std::uint64_t application_max = (std::uint64_t{1} << 62) - 1;

/// The peer's application has destroyed its Stream; Stream::close_code() does not tell it.
inline constexpr std::uint64_t stream_destroyed = application_max + 1;
/// No channel to the participant keeps Promises::encrypted.
inline constexpr std::uint64_t encryption_unavailable = application_max + 2;
/// PeerStreamLimits::most_urgent of the peer.
inline constexpr std::uint64_t priority_refused = application_max + 3;
/// PeerStreamLimits::promises of the peer.
inline constexpr std::uint64_t promises_refused = application_max + 4;
/// PeerStreamLimits::bandwidth_bytes_per_second or bandwidth_bytes_per_second_total of the peer.
inline constexpr std::uint64_t bandwidth_refused = application_max + 5;
/// The policy of NetworkOptions::accept_streams() threw, or gave a code that is none.
inline constexpr std::uint64_t policy_failed = application_max + 6;
/// The Network was destroyed without shutdown(): what it had still to deliver may be missing.
inline constexpr std::uint64_t network_destroyed = application_max + 7;
/// The other end says that this one broke the rules of the wire; the text says which.
inline constexpr std::uint64_t protocol_violation = application_max + 8;

}  // namespace braid::close_code
