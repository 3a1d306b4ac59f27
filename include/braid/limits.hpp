#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace braid {

/// Every queue and every wait has an end. Sizes in bytes. A value that cannot be is
/// errc::options_invalid when the Network is made, whose text says which and what it may be.
struct Limits {
    std::size_t message_bytes = 16u << 20;                 ///< longest message, either way; 256 KiB
                                                           ///< without guaranteed_delivery
    std::size_t stream_send_queue_bytes = 4u << 20;        ///< queued and unconfirmed
    std::size_t participant_send_queue_bytes = 32u << 20;  ///< the same, over all streams
    std::size_t stream_receive_window_bytes = 256u << 10;  ///< credit given at first
    std::size_t stream_receive_window_bytes_max = 4u << 20;        ///< to which it may grow
    std::size_t participant_receive_window_bytes = 1u << 20;       ///< the same, over all streams
    std::size_t participant_receive_window_bytes_max = 16u << 20;  ///< to which that may grow
    std::size_t lossy_receive_queue_bytes = 256u << 10;  ///< not guaranteed, not yet taken; oldest
                                                         ///< dropped beyond
    std::uint32_t peer_streams = 256;                    ///< open at once, opened by one peer
    std::uint32_t participants = 4096;                   ///< connected at once
    std::uint32_t participants_per_address = 16;         ///< loopback is exempt
    std::uint32_t half_open = 1024;                      ///< handshakes under way
    std::uint32_t handshakes_per_second = 200;           ///< loopback is exempt
    std::chrono::milliseconds connect{10'000};     ///< look-up, connection and handshake together
    std::chrono::milliseconds handshake{5'000};    ///< of a connection that was accepted
    std::chrono::milliseconds idle{15'000};        ///< silence after which a peer is given up;
                                                   ///< the shorter one of both ends holds
    std::chrono::milliseconds keep_alive{0};       ///< 0: a third of the idle time
    std::chrono::milliseconds disconnect{10'000};  ///< also for shutdown
};

// g++ 12 destroys other aggregates twice in a co_await expression.
static_assert(std::is_trivially_destructible_v<Limits>);

}  // namespace braid
