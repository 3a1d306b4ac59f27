#include "protocol/credit.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

using namespace braid::protocol;
using namespace std::chrono_literals;

TEST_CASE("Credit to send only grows") {
    SendCredit credit{100};
    CHECK(credit.left() == 100);
    credit.use(60);
    CHECK(credit.left() == 40);
    CHECK_FALSE(credit.raise(100));
    CHECK_FALSE(credit.raise(50));
    CHECK(credit.limit() == 100);
    CHECK(credit.raise(101));
    CHECK(credit.left() == 41);
    CHECK(credit.used() == 60);
}

TEST_CASE("The peer is told once for each limit that it holds us up") {
    SendCredit credit{0};
    CHECK(credit.tell_blocked());
    CHECK_FALSE(credit.tell_blocked());
    CHECK(credit.told_blocked());
    credit.raise(10);
    CHECK_FALSE(credit.told_blocked());
    CHECK(credit.tell_blocked());
    CHECK_FALSE(credit.tell_blocked());
}

TEST_CASE("What the peer may not have heard is said again") {
    SendCredit credit{0};
    CHECK(credit.tell_blocked());
    credit.forget_told();
    CHECK(credit.tell_blocked());
    CHECK_FALSE(credit.tell_blocked());
}

TEST_CASE("Who is alone with an unfinished message, and what is set aside for others") {
    UnfinishedMessages unfinished;
    UnfinishedMessages::Place one;
    UnfinishedMessages::Place two;
    CHECK(unfinished.alone(one));
    CHECK_FALSE(unfinished.note(one, 100, false));
    CHECK(unfinished.alone(one));
    CHECK_FALSE(unfinished.alone(two));
    CHECK_FALSE(unfinished.note(two, 50, false));
    CHECK_FALSE(unfinished.alone(one));
    CHECK(unfinished.paying() == 2);
    CHECK(unfinished.note(two, 40, true));  // it waits for its stream: the other may go on
    CHECK(unfinished.alone(one));
    CHECK(unfinished.set_aside(one) == 40);
    CHECK(unfinished.set_aside(two) == 0);
    CHECK_FALSE(unfinished.note(two, 40, true));
    CHECK(unfinished.note(two, 0, false));
    CHECK(unfinished.set_aside(one) == 0);
    CHECK(unfinished.note(one, 0, false));
    CHECK(unfinished.paying() == 0);
}

TEST_CASE("What was reserved once stays there to be used if it is kept") {
    ReceiveCredit credit{100, 100};
    credit.reserve(50);
    credit.keep_reserved();
    CHECK(credit.announce(Time{1s}, 1ms) == 150);
    CHECK(credit.charge(80));
    credit.consume(80);
    credit.unreserve(50);
    CHECK(credit.reserved() == 0);
    CHECK(credit.announce(Time{2s}, 1ms) == 230);
    credit.reserve(30);
    CHECK_FALSE(credit.raised());
}

TEST_CASE("More than was announced cannot be charged") {
    ReceiveCredit credit{100, 400};
    CHECK(credit.charge(100));
    CHECK_FALSE(credit.charge(1));
    CHECK(credit.charge(0));
    CHECK(credit.charged() == 100);
    CHECK_FALSE(credit.due());
    credit.consume(1);
    CHECK(credit.raised());
    CHECK(credit.due());
    CHECK_FALSE(credit.charge(1));  // not before the peer is told
    CHECK(credit.announce(Time{1s}, 10ms) == 101);
    CHECK(credit.charge(1));
    CHECK_FALSE(credit.charge(~std::uint64_t{0}));
}

TEST_CASE("The window grows while it is used up within two round trips, to its bound") {
    ReceiveCredit credit{100, 400};
    Time now{1s};
    credit.announce(now, 10ms);
    now += 15ms;
    credit.announce(now, 10ms);
    CHECK(credit.window() == 200);
    now += 25ms;
    credit.announce(now, 10ms);
    CHECK(credit.window() == 200);
    for (int i = 0; i < 5; ++i) credit.announce(now += 1ms, 10ms);
    CHECK(credit.window() == 400);
}

TEST_CASE("A window that is widened raises the limit with nothing consumed, to its bound") {
    ReceiveCredit credit{100, 300};
    CHECK(credit.charge(100));
    CHECK_FALSE(credit.raised());
    credit.widen();
    CHECK(credit.announce(Time{1s}, 10ms) == 200);
    credit.widen();
    CHECK(credit.announce(Time{2s}, 10ms) == 300);
    credit.widen();
    CHECK_FALSE(credit.raised());
}

TEST_CASE("A limit announced never falls, whatever is reserved and consumed") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        ReceiveCredit credit{random.between(64, 4'000), 16'000};
        Time now{1s};
        std::uint64_t limit = credit.announced();
        std::uint64_t unread = 0;
        for (int step = 0; step < 300; ++step) {
            now += Duration{static_cast<std::int64_t>(random.below(30'000'000))};
            switch (random.below(5)) {
                case 0: {
                    const auto bytes = random.between(1, 3'000);
                    const auto fits = bytes <= limit - credit.charged();
                    REQUIRE(credit.charge(bytes) == fits);
                    if (fits) unread += bytes;
                    break;
                }
                case 1: {
                    const auto bytes = random.below(unread + 1);
                    credit.consume(bytes);
                    unread -= bytes;
                    break;
                }
                case 2: credit.reserve(random.below(5'000)); break;
                case 3: {
                    // A reserved message is consumed: the sum stays.
                    const auto bytes = random.below(std::min(credit.reserved(), unread) + 1);
                    credit.consume(bytes);
                    credit.unreserve(bytes);
                    unread -= bytes;
                    break;
                }
                default: {
                    const auto announced = credit.announce(now, 5ms);
                    REQUIRE(announced >= limit);
                    REQUIRE(announced == credit.announced());
                    REQUIRE_FALSE(credit.raised());
                    limit = announced;
                }
            }
            REQUIRE(credit.headroom() == limit - credit.charged());
        }
    }
}
