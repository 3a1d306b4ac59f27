#include "protocol/inbound.hpp"

#include "catch.hpp"
#include "protocol/outbound.hpp"
#include "sim/random.hpp"

#include <braid/error.hpp>

#include <algorithm>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::errc;
using braid::Promises;

namespace {

constexpr auto ordered = Promises::ordered | Promises::guaranteed_delivery;

struct Receiver {
    explicit Receiver(Promises promises, std::uint64_t window = 100'000)
        : inbound{{promises, 1u << 20, window, window}} {}

    std::error_code whole(std::uint64_t number, std::size_t size = 10) {
        bytes.assign(size, static_cast<std::byte>(number));
        Frame frame;
        frame.type = FrameType::message;
        frame.payload = bytes;
        return inbound.receive(frame, number, false, participant, Time{1s});
    }

    std::error_code part(std::uint64_t number, std::uint64_t offset, std::size_t size,
                         std::uint64_t total) {
        bytes.assign(size, static_cast<std::byte>(number));
        Frame frame;
        frame.type = FrameType::message;
        frame.fragment = frame.has_total = true;
        frame.offset = offset;
        frame.total = total;
        frame.payload = bytes;
        return inbound.receive(frame, number, false, participant, Time{1s});
    }

    /// The numbers of what can be read, all of it read. Those of an unreliable stream, which counts
    /// what arrives, are taken from the content.
    std::vector<std::uint64_t> read() {
        std::vector<std::uint64_t> numbers;
        MessageQueue::Front front;
        while (inbound.delivered.front(front)) {
            auto sent = front.number;
            if (inbound.delivery() == DeliveryClass::unreliable) {
                REQUIRE(front.number == read_++);
                sent = front.bytes.empty() ? 0 : std::to_integer<std::uint64_t>(front.bytes[0]);
            }
            numbers.push_back(sent);
            const auto right = [&](std::byte byte) { return byte == static_cast<std::byte>(sent); };
            REQUIRE(std::ranges::all_of(front.bytes, right));
            const auto charge = front.charge;
            inbound.delivered.pop();
            inbound.consume(charge, participant);
        }
        return numbers;
    }

    Inbound inbound;
    ReceiveCredit participant{1u << 20, 1u << 20};
    std::vector<std::byte> bytes;

private:
    std::uint64_t read_ = 0;
};

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("Each class delivers what it promises when messages come in disorder, and twice") {
    const auto after = [](Promises promises) {
        Receiver receiver{promises};
        for (const auto number : {1u, 0u, 3u, 2u, 4u}) REQUIRE_FALSE(receiver.whole(number));
        if (covers(promises, Promises::guaranteed_delivery)) {
            for (const auto number : {2u, 4u, 0u}) REQUIRE_FALSE(receiver.whole(number));
            CHECK(receiver.inbound.counters().duplicates == 3);
        }
        return receiver.read();
    };
    CHECK(after(Promises::none) == Numbers{1, 0, 3, 2, 4});
    CHECK(after(Promises::ordered) == Numbers{1, 3, 4});
    CHECK(after(Promises::guaranteed_delivery) == Numbers{1, 0, 3, 2, 4});
    CHECK(after(ordered) == Numbers{0, 1, 2, 3, 4});
}

TEST_CASE("More than the credit is a violation, before and after it was used up") {
    for (const auto promises : {ordered, Promises::guaranteed_delivery}) {
        Receiver receiver{promises, 1'000};
        CHECK_FALSE(receiver.whole(0, 968));
        CHECK(receiver.whole(1, 0) == errc::flow_control_violation);
        Receiver other{promises, 1'000};
        CHECK(other.whole(0, 969) == errc::flow_control_violation);
        Receiver parts{promises, 1'000};
        CHECK_FALSE(parts.part(0, 0, 500, 5'000));
        CHECK(parts.part(0, 500, 500, 5'000) == errc::flow_control_violation);
    }
}

TEST_CASE("A number further ahead than the credit explains is a violation") {
    for (const auto promises : {ordered, Promises::guaranteed_delivery}) {
        Receiver receiver{promises, 3'200};
        CHECK_FALSE(receiver.whole(90, 0));
        CHECK(receiver.whole(101, 0) == errc::protocol_violation);
        Receiver other{promises, 3'200};
        CHECK(other.part(1'000'000, 0, 200, 300) == errc::protocol_violation);
        CHECK(other.inbound.finish(1'000'000, true, never) == errc::protocol_violation);
    }
}

TEST_CASE("Fragments that cannot be are violations") {
    for (const auto promises : {ordered, Promises::guaranteed_delivery, Promises::none}) {
        Receiver receiver{promises};
        CHECK_FALSE(receiver.part(0, 0, 200, 1'000));
        CHECK(receiver.part(0, 200, 200, 1'001) == errc::protocol_violation);
        Receiver huge{promises};
        CHECK(huge.part(0, 0, 200, std::uint64_t{1} << 62) == errc::message_too_large);
        CHECK(huge.whole(0, (1u << 20) + 100) == errc::message_too_large);
        if (promises == Promises::none) continue;
        Receiver small{promises};
        CHECK(small.part(0, 0, fragment_bytes_min - 1, 1'000) == errc::protocol_violation);
        CHECK_FALSE(small.part(0, 990, 10, 1'000));
    }
}

TEST_CASE("A stream ends when all that was announced has come") {
    for (const auto promises : {ordered, Promises::guaranteed_delivery}) {
        Receiver receiver{promises};
        REQUIRE_FALSE(receiver.whole(1));
        REQUIRE_FALSE(receiver.inbound.finish(3, false, never));
        CHECK(receiver.inbound.finish(4, false, never) == errc::protocol_violation);
        CHECK(receiver.whole(3) == errc::protocol_violation);
        REQUIRE_FALSE(receiver.whole(0));
        CHECK_FALSE(receiver.inbound.ended());
        REQUIRE_FALSE(receiver.whole(2));
        CHECK(receiver.inbound.ended());
    }
    Receiver lossy{Promises::none};
    REQUIRE_FALSE(lossy.whole(0));
    REQUIRE_FALSE(lossy.inbound.finish(3, false, Time{2s}));
    CHECK(lossy.inbound.deadline() == Time{2s});
    lossy.inbound.advance(Time{2s} - 1ns);
    CHECK_FALSE(lossy.inbound.ended());
    lossy.inbound.advance(Time{2s});
    CHECK(lossy.inbound.ended());
    Receiver whole{Promises::ordered};
    REQUIRE_FALSE(whole.inbound.finish(3, true, Time{2s}));
    CHECK(whole.inbound.ended());
    CHECK_FALSE(whole.inbound.finish(0, true, Time{2s}));  // again, after the end
}

TEST_CASE("What was used but never delivered comes back with a reset") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Receiver receiver{random.chance(0.5) ? ordered : Promises::guaranteed_delivery, 50'000};
        std::uint64_t used = 0;
        for (std::uint64_t number = 0; number < 20; ++number) {
            const auto size = random.below(1'000);
            used += size + message_charge;
            if (random.chance(0.6)) REQUIRE_FALSE(receiver.whole(number, size));
            if (random.chance(0.2)) receiver.read();
        }
        receiver.inbound.reset(used, receiver.participant);
        CHECK(receiver.inbound.ended());
        receiver.read();
        CHECK(receiver.participant.charged() == used);
        CHECK(receiver.participant.announce(Time{1s}, 1ms) == (1u << 20) + used);
    }
}

TEST_CASE("A whole number is found from its low half, across every wrap") {
    Receiver receiver{Promises::none};
    std::uint64_t newest = 0;
    sim::Random random{4};
    for (int i = 0; i < 5'000; ++i) {
        const auto number = newest + random.below(0x4000) - std::min<std::uint64_t>(newest, 0x2000);
        REQUIRE(receiver.inbound.expand(number & 0xffff) == number);
        REQUIRE_FALSE(receiver.whole(number, 1));
        receiver.read();
        newest = std::max(newest, number);
    }
    CHECK(newest > 0x100000);
}

TEST_CASE("Unfinished messages of a lossy stream take bounded memory") {
    Receiver receiver{Promises::none};
    for (std::uint64_t number = 0; number < 1'000; ++number) {
        REQUIRE_FALSE(receiver.part(number, 0, 1'000, 100'000));
    }
    CHECK(receiver.inbound.counters().abandoned >= 980);
    for (std::uint64_t number = 990; number < 1'000; ++number) {
        for (std::uint64_t offset = 1'000; offset < 90'000; offset += 1'000) {
            REQUIRE_FALSE(receiver.part(number, offset, 1'000, 100'000));
        }
    }
    CHECK(receiver.inbound.counters().abandoned >= 990);
}

TEST_CASE("A message as long as the window asks for its reservation") {
    for (const std::uint64_t beyond : {0u, 31u, 32u}) {
        Receiver receiver{ordered, 10'000};
        const auto total = 10'000 - 32 + beyond;
        REQUIRE_FALSE(receiver.part(0, 0, 1'000, total));
        CHECK(receiver.inbound.reservation_wanted() == (beyond == 0 ? 0 : total));
        if (beyond == 0) continue;
        receiver.inbound.grant_reservation(receiver.participant);
        CHECK(receiver.inbound.credit().announce(Time{1s}, 1ms) >= total + message_charge);
    }
}

TEST_CASE("A reset gives back the room of what it ends and of what was read behind it") {
    constexpr std::uint64_t total = 20'000;
    Receiver receiver{Promises::guaranteed_delivery, 10'000};
    for (const std::uint64_t number : {0u, 1u, 2u}) {
        REQUIRE_FALSE(receiver.part(number, 0, 1'000, total));
        REQUIRE(receiver.inbound.reservation_wanted() == total);
        receiver.inbound.grant_reservation(receiver.participant);
        receiver.inbound.credit().announce(Time{1s}, 1ms);
    }
    REQUIRE_FALSE(receiver.part(1, 1'000, total - 1'000, total));
    CHECK(receiver.read() == std::vector<std::uint64_t>{1});
    REQUIRE_FALSE(receiver.part(2, 1'000, total - 1'000, total));
    receiver.inbound.reset(receiver.inbound.credit().charged(), receiver.participant);
    // What was delivered before may still be read.
    CHECK(receiver.participant.reserved() == total);
    CHECK(receiver.read() == std::vector<std::uint64_t>{2});
    CHECK(receiver.participant.reserved() == 0);
    CHECK(receiver.participant.held() == 0);
}
