#include "runtime/stream_policy.hpp"

#include <braid/close_code.hpp>

#include <exception>

namespace braid::runtime {

std::shared_ptr<const StreamPolicy> StreamPolicy::of(const NetworkOptions& options) {
    const auto& limits = options.peer_streams();
    const PeerStreamLimits unlimited;
    const bool all =
        limits.most_urgent == unlimited.most_urgent &&
        limits.bandwidth_bytes_per_second == unlimited.bandwidth_bytes_per_second &&
        limits.bandwidth_bytes_per_second_total == unlimited.bandwidth_bytes_per_second_total &&
        covers(limits.promises, unlimited.promises);
    if (all && !options.accept_streams()) return nullptr;
    return std::shared_ptr<const StreamPolicy>{new StreamPolicy{options}};
}

StreamPolicy::StreamPolicy(const NetworkOptions& options)
    : limits_{options.peer_streams()}, accept_{options.accept_streams()} {}

std::optional<std::uint64_t> StreamPolicy::refusal(const Pid& peer, const StreamOptions& asked,
                                                   std::uint64_t guaranteed) const {
    const auto bandwidth = asked.bandwidth_bytes_per_second;
    if (asked.priority < limits_.most_urgent) return close_code::priority_refused;
    if (!covers(limits_.promises, asked.promises)) return close_code::promises_refused;
    if (bandwidth > limits_.bandwidth_bytes_per_second) return close_code::bandwidth_refused;
    const auto total = limits_.bandwidth_bytes_per_second_total;
    if (bandwidth != 0 && (guaranteed > total || bandwidth > total - guaranteed)) {
        return close_code::bandwidth_refused;
    }
    if (!accept_) return std::nullopt;
    try {
        const auto code = accept_(peer, asked);
        if (!code || *code <= close_code::application_max) return code;
    } catch (const std::exception&) {
        // The application's own policy decides nothing then, and what is not decided is refused.
    }
    return close_code::policy_failed;
}

std::string_view refusal_text(std::uint64_t code) noexcept {
    switch (code) {
        case close_code::encryption_unavailable: return "no channel is encrypted";
        case close_code::priority_refused: return "more urgent than PeerStreamLimits allows";
        case close_code::promises_refused: return "promises that PeerStreamLimits does not allow";
        case close_code::bandwidth_refused: return "more bandwidth than PeerStreamLimits allows";
        case close_code::policy_failed: return "the policy of accept_streams() failed";
        default: return "the policy of accept_streams()";
    }
}

}  // namespace braid::runtime
