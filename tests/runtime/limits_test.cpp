#include "runtime/limits.hpp"

#include "catch.hpp"

#include <braid/error.hpp>

#include <string>

using namespace std::chrono_literals;
using braid::errc;
using braid::Limits;

namespace {

/// What is said of these limits; empty if they are fine.
std::string complaint(const Limits& limits) {
    try {
        braid::runtime::check(limits);
        return {};
    } catch (const braid::NetworkError& error) {
        CHECK(error.code() == errc::options_invalid);
        return error.what();
    }
}

template <typename Field, typename Value>
void expect_out_of_range(Field Limits::*field, Value value, const std::string& text) {
    Limits limits;
    limits.*field = static_cast<Field>(value);
    INFO(complaint(limits));
    CHECK(complaint(limits).starts_with("Limits::" + text + ": "));
}

template <typename Field, typename Value>
void expect_fine(Field Limits::*field, Value value) {
    Limits limits;
    limits.*field = static_cast<Field>(value);
    CHECK(complaint(limits) == "");
}

}  // namespace

TEST_CASE("limits that nobody changed are fine") { CHECK(complaint({}) == ""); }

TEST_CASE("a limit that cannot be is named with what it may be") {
    const std::string to_count = " is 0, and must be from 1 to 4294967295";
    const std::string to_bytes = " is 0, and must be from 1 to 1099511627776";
    expect_out_of_range(&Limits::message_bytes, 0,
                        "message_bytes is 0, and must be from 1 to 1073741824");
    expect_out_of_range(&Limits::message_bytes, (1u << 30) + 1,
                        "message_bytes is 1073741825, and must be from 1 to 1073741824");
    expect_out_of_range(&Limits::stream_send_queue_bytes, 0, "stream_send_queue_bytes" + to_bytes);
    expect_out_of_range(&Limits::participant_send_queue_bytes, 0,
                        "participant_send_queue_bytes" + to_bytes);
    expect_out_of_range(&Limits::lossy_receive_queue_bytes, 0,
                        "lossy_receive_queue_bytes" + to_bytes);
    expect_out_of_range(
        &Limits::stream_receive_window_bytes, 1023,
        "stream_receive_window_bytes is 1023, and must be from 1024 to 1099511627776");
    expect_out_of_range(
        &Limits::participant_receive_window_bytes, 0,
        "participant_receive_window_bytes is 0, and must be from 1024 to 1099511627776");
    expect_out_of_range(&Limits::participants, 0, "participants" + to_count);
    expect_out_of_range(&Limits::participants_per_address, 0,
                        "participants_per_address" + to_count);
    expect_out_of_range(&Limits::half_open, 0, "half_open" + to_count);
    expect_out_of_range(&Limits::handshakes_per_second, 0, "handshakes_per_second" + to_count);
    expect_out_of_range(&Limits::idle, 0ms, "idle is 0 ms, and must be from 1 to 1099511627776 ms");
    expect_out_of_range(&Limits::idle, std::chrono::milliseconds::max(),
                        "idle is 9223372036854775807 ms, and must be from 1 to 1099511627776 ms");
    expect_out_of_range(&Limits::connect, -1ms,
                        "connect is -1 ms, and must be from 1 to 1099511627776 ms");
    expect_out_of_range(&Limits::handshake, 0ms,
                        "handshake is 0 ms, and must be from 1 to 1099511627776 ms");
    expect_out_of_range(&Limits::keep_alive, -1ms,
                        "keep_alive is -1 ms, and must be from 0 to 1099511627776 ms");
    expect_out_of_range(&Limits::disconnect, -1ms,
                        "disconnect is -1 ms, and must be from 0 to 1099511627776 ms");
    expect_fine(&Limits::message_bytes, 1u << 30);
    expect_fine(&Limits::keep_alive, 0ms);
    expect_fine(&Limits::disconnect, 0ms);
    expect_fine(&Limits::peer_streams, 0u);
}

TEST_CASE("a window may not begin above its bound") {
    Limits limits;
    limits.stream_receive_window_bytes_max = 4096;
    CHECK(complaint(limits).starts_with(
        "Limits::stream_receive_window_bytes_max is 4096, and must be from "
        "stream_receive_window_bytes, which is 262144, to 1099511627776: "));
    limits = Limits{};
    limits.participant_receive_window_bytes = 32u << 20;
    CHECK(complaint(limits).starts_with("Limits::participant_receive_window_bytes_max is "));
}
