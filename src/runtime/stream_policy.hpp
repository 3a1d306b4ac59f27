#pragma once

#include <braid/network_options.hpp>
#include <braid/peer_stream_limits.hpp>
#include <braid/pid.hpp>
#include <braid/stream_options.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace braid::runtime {

/// Which streams of peers a Network takes. Any thread.
class StreamPolicy {
public:
    /// Null if all are taken.
    static std::shared_ptr<const StreamPolicy> of(const NetworkOptions& options);

    /// The code with which a stream is refused (braid::close_code or the application's own);
    /// nothing if it is welcome.
    /// @param guaranteed to the peer's other streams, in bytes per second
    std::optional<std::uint64_t> refusal(const Pid& peer, const StreamOptions& asked,
                                         std::uint64_t guaranteed) const;

    /// True if `guaranteed` is looked at.
    bool limits_total() const noexcept {
        return limits_.bandwidth_bytes_per_second_total != UINT64_MAX;
    }

private:
    explicit StreamPolicy(const NetworkOptions& options);

    const PeerStreamLimits limits_;
    const NetworkOptions::AcceptStreams accept_;
};

/// What a refusal's code means, for people.
std::string_view refusal_text(std::uint64_t code) noexcept;

}  // namespace braid::runtime
