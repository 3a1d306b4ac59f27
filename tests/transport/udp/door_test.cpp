#include "transport/udp/door.hpp"

#include "catch.hpp"
#include "runtime/clock.hpp"
#include "runtime/entropy.hpp"
#include "transport/udp/handshake_sample.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <memory>
#include <optional>
#include <vector>

using namespace braid;
using namespace braid::transport;

namespace {

using asio::ip::udp;

struct Fixture {
    Fixture() { bell->ring(); }
    ~Fixture() { bell->take_down(); }

    void knock(const SocketAddress& from, AttemptId attempt) {
        auto bytes = encode_initial(attempt, {}, sample_message());
        door->stray(*socket, from, {}, bytes);
    }

    void cancel(const SocketAddress& from, AttemptId attempt) {
        auto bytes = encode_cancel(attempt);
        door->stray(*socket, from, {}, bytes);
    }

    asio::io_context context;
    std::shared_ptr<Doorbell> bell = Doorbell::make(context.get_executor());
    runtime::SystemEntropy entropy;
    std::shared_ptr<UdpDoor> door = std::make_shared<UdpDoor>(
        GateLimits{}, bell, std::make_shared<runtime::SystemClock>(), entropy);
    std::shared_ptr<UdpSocket> socket =
        UdpSocket::open(context.get_executor(), {asio::ip::address_v4::loopback(), 0}, {});
    const SocketAddress somewhere = sample_address(0x7f000001, 9);
};

}  // namespace

TEST_CASE_METHOD(Fixture, "guests come in the order in which they knocked") {
    knock(somewhere, 1);
    knock(somewhere, 2);
    knock(somewhere, 1);
    REQUIRE(door->next()->newcomer.key == AttemptKey{somewhere, 1});
    REQUIRE(door->next()->newcomer.key == AttemptKey{somewhere, 2});
    CHECK_FALSE(door->next());
}

TEST_CASE_METHOD(Fixture, "a guest who cancels while it waits is not taken") {
    knock(somewhere, 1);
    cancel(sample_address(0x7f000002), 1);
    cancel(somewhere, 2);
    cancel(somewhere, 1);
    CHECK_FALSE(door->next());
    // Its INITIAL may come late.
    knock(somewhere, 1);
    CHECK_FALSE(door->next());
}

TEST_CASE_METHOD(Fixture, "a guest who cancels later fails its mailbox") {
    knock(somewhere, 1);
    const auto guest = door->next();
    REQUIRE(guest);
    UdpAdmission admission{door, guest->newcomer.key};
    const auto mailbox = std::make_shared<Mailbox>(bell);
    std::vector<Mail> mails;
    SECTION("before it was accepted") {
        cancel(somewhere, 1);
        admission.accepted({}, mailbox);
        CHECK(mailbox->take(mails) == asio::error::connection_reset);
    }
    SECTION("after it was accepted") {
        admission.accepted({}, mailbox);
        CHECK_FALSE(mailbox->take(mails));
        cancel(somewhere, 1);
        CHECK(mailbox->take(mails) == asio::error::connection_reset);
    }
    SECTION("but not once it has been heard of") {
        admission.accepted({}, mailbox);
        admission.confirmed();
        cancel(somewhere, 1);
        CHECK_FALSE(mailbox->take(mails));
    }
}

TEST_CASE_METHOD(Fixture, "who comes again waits until what it cancelled is gone") {
    knock(somewhere, 1);
    auto guest = door->next();
    std::optional<UdpAdmission> admission{std::in_place, door, guest->newcomer.key};
    admission->accepted({}, std::make_shared<Mailbox>(bell));
    cancel(somewhere, 1);
    const auto elsewhere = sample_address(0x7f000002, 9);
    knock(somewhere, 2);
    knock(elsewhere, 3);
    REQUIRE(door->next()->newcomer.key == AttemptKey{elsewhere, 3});
    CHECK_FALSE(door->next());
    admission.reset();
    REQUIRE(door->next()->newcomer.key == AttemptKey{somewhere, 2});
}

TEST_CASE_METHOD(Fixture, "who is turned away without a word may come again") {
    knock(somewhere, 1);
    { const UdpAdmission turned_away{door, door->next()->newcomer.key}; }
    CHECK_FALSE(door->next());
    knock(somewhere, 1);
    CHECK(door->next()->newcomer.key == AttemptKey{somewhere, 1});
    CHECK(door->counters().admitted == 2);
}

TEST_CASE_METHOD(Fixture, "who has cancelled does not come in again by an INITIAL that is late") {
    knock(somewhere, 1);
    {
        const UdpAdmission admission{door, door->next()->newcomer.key};
        cancel(somewhere, 1);
    }
    knock(somewhere, 1);
    CHECK_FALSE(door->next());
    CHECK(door->counters().repeated == 1);
}

TEST_CASE_METHOD(Fixture, "nobody comes in by a closed door") {
    knock(somewhere, 1);
    door->close();
    CHECK(door->closed());
    CHECK_FALSE(door->next());
    knock(somewhere, 2);
    CHECK_FALSE(door->next());
    // It is told so, each time it asks.
    knock(somewhere, 2);
    CHECK(door->counters().answered_again == 1);
}

TEST_CASE_METHOD(Fixture, "a door has secrets of its own") {
    UdpDoor other{GateLimits{}, bell, std::make_shared<runtime::SystemClock>(), entropy};
    CHECK(door->token_of(7) == door->token_of(7));
    CHECK(door->token_of(7) != door->token_of(8));
    CHECK(door->token_of(7) != other.token_of(7));
}
