#include "transport/udp/delivery_rate.hpp"

#include "catch.hpp"
#include "transport/udp/sender.hpp"

using braid::protocol::Duration;
using braid::protocol::Time;
using std::chrono::milliseconds;
using udp_test::at;
using udp_test::frame_of;
using udp_test::Numbers;
using udp_test::numbers_of;
using udp_test::Sender;
using udp_test::start;

TEST_CASE("The rate of delivery is that of the bottleneck") {
    // 1000 bytes each millisecond come out of a path of 40 ms, however they went in.
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 50);
    std::uint64_t next = 1001;
    for (int i = 0; i < 400; ++i) {
        while (sender.recovery.on_ack(frame_of({{next, next}}), at(40 + i), sender.feedback)) {
            ++next;  // one that was skipped
        }
        ++next;
        REQUIRE(sender.feedback.ack);
        CHECK_FALSE(sender.feedback.ack->application_limited);
        const auto rate = sender.feedback.ack->rate_bytes_per_second;
        if (i < 100) {
            CHECK(rate <= 1'000'000);  // a burst is not taken for the path's rate
        } else {
            CHECK(rate == Approx(1e6).epsilon(0.03));
        }
        sender.send_data(at(40 + i));
        sender.feedback.clear();
    }
}

TEST_CASE("Rates of a sender that had nothing more to send are marked") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), true);
    CHECK_FALSE(sender.ack(frame_of({{1001, 1001}}), at(40)).ack->application_limited);
    for (int i = 1; i < 10; ++i) {
        const auto number = sender.send_data(at(100 * i), true);
        const auto& feedback = sender.ack(frame_of({{number, number}}), at(100 * i + 40));
        CHECK(feedback.ack->application_limited);
        CHECK(feedback.ack->rate_bytes_per_second == 25'000);
    }
    // With enough to send, the mark ends when what was in flight has arrived.
    sender.send_data(at(1000), 10);
    CHECK(sender.ack(frame_of({{1011, 1020}}), at(1040)).ack->application_limited);
    sender.send_data(at(1040), 10);
    CHECK_FALSE(sender.ack(frame_of({{1021, 1030}}), at(1080)).ack->application_limited);
}
