#include "runtime/limits.hpp"

#include "protocol/handshake.hpp"

#include <braid/error.hpp>

#include <cstdint>
#include <string>

namespace braid::runtime {

namespace {

// Half of what a message's length may be inside, so that envelopes and sums have room.
constexpr std::uint64_t message_bytes_max = std::uint64_t{1} << 30;
constexpr std::uint64_t bytes_max = protocol::hello_number_max;
constexpr std::uint64_t count_max = UINT32_MAX;
// What is said in the hello; as nanoseconds it still fits 64 bits.
constexpr std::uint64_t milliseconds_max = protocol::hello_number_max;
// Below, one message with its charge would not fit.
constexpr std::uint64_t window_bytes_min = 1024;

[[noreturn]] void fail(const std::string& text) { throw NetworkError{errc::options_invalid, text}; }

void check(const char* field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    if (value >= least && value <= most) return;
    fail("Limits::" + std::string{field} + " is " + std::to_string(value) + ", and must be from " +
         std::to_string(least) + " to " + std::to_string(most));
}

void check(const char* field, std::chrono::milliseconds value, std::int64_t least) {
    if (value.count() >= least && value.count() <= static_cast<std::int64_t>(milliseconds_max)) {
        return;
    }
    fail("Limits::" + std::string{field} + " is " + std::to_string(value.count()) +
         " ms, and must be from " + std::to_string(least) + " to " +
         std::to_string(milliseconds_max) + " ms");
}

void check_window(const char* field, std::uint64_t first, std::uint64_t most) {
    check(field, first, window_bytes_min, bytes_max);
    if (first <= most && most <= bytes_max) return;
    const std::string name{field};
    fail("Limits::" + name + "_max is " + std::to_string(most) + ", and must be from " + name +
         ", which is " + std::to_string(first) + ", to " + std::to_string(bytes_max));
}

}  // namespace

void check(const Limits& limits) {
    check("message_bytes", limits.message_bytes, 1, message_bytes_max);
    check("stream_send_queue_bytes", limits.stream_send_queue_bytes, 1, bytes_max);
    check("participant_send_queue_bytes", limits.participant_send_queue_bytes, 1, bytes_max);
    check_window("stream_receive_window_bytes", limits.stream_receive_window_bytes,
                 limits.stream_receive_window_bytes_max);
    check_window("participant_receive_window_bytes", limits.participant_receive_window_bytes,
                 limits.participant_receive_window_bytes_max);
    check("lossy_receive_queue_bytes", limits.lossy_receive_queue_bytes, 1, bytes_max);
    check("participants", limits.participants, 1, count_max);
    check("participants_per_address", limits.participants_per_address, 1, count_max);
    check("half_open", limits.half_open, 1, count_max);
    check("handshakes_per_second", limits.handshakes_per_second, 1, count_max);
    check("connect", limits.connect, 1);
    check("handshake", limits.handshake, 1);
    check("idle", limits.idle, 1);
    check("keep_alive", limits.keep_alive, 0);
    check("disconnect", limits.disconnect, 0);
}

}  // namespace braid::runtime
