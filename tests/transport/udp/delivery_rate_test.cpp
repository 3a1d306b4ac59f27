#include "transport/udp/delivery_rate.hpp"

#include "catch.hpp"
#include "transport/udp/sender.hpp"

#include <algorithm>

using braid::protocol::Duration;
using braid::protocol::Time;
using std::chrono::milliseconds;
using udp_test::at;
using udp_test::frame_of;
using udp_test::frame_of_numbers;
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

TEST_CASE("Acknowledgements that come in a heap do not make the path faster") {
    // A packet each millisecond on a path of 20 ms. What came is told of late and then at once: in
    // 21 ms the acknowledgements of 61 packets come in.
    Sender sender;
    sender.measure(milliseconds{20});
    std::uint64_t highest = 0;
    Numbers waiting;
    for (int i = 1; i < 1000; ++i) {
        waiting.push_back(sender.send_data(at(i)));
        const std::size_t under_way = i % 100 == 60 ? 60 : i % 100 == 81 ? 20 : waiting.size();
        if (waiting.size() <= under_way) continue;
        const auto rest = waiting.end() - static_cast<std::ptrdiff_t>(under_way);
        const auto& feedback = sender.ack(frame_of_numbers({waiting.begin(), rest}), at(i));
        waiting.erase(waiting.begin(), rest);
        REQUIRE(feedback.ack);
        highest = std::max(highest, feedback.ack->rate_bytes_per_second);
    }
    CHECK(highest > 700'000);
    CHECK(highest <= 1'050'000);
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

TEST_CASE("Acknowledgements and MTU probes between packets of data do not mark rates") {
    Sender sender;
    sender.measure(milliseconds{40});
    sender.send_data(at(0), 10);
    sender.send(at(1), {}, true);
    braid::transport::SentPacket probe;
    probe.eliciting = true;
    probe.probes_mtu = true;
    sender.send(at(1), probe, true);
    sender.send_data(at(2), 10);
    CHECK_FALSE(sender.ack(frame_of({{1013, 1022}}), at(42)).ack->application_limited);
}
