#include "transport/udp/mailbox.hpp"

#include "catch.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <vector>

using namespace braid::transport;

namespace {

struct Fixture {
    ~Fixture() { bell->take_down(); }

    Mail mail(const ReceiveSlab::Share& slab, std::size_t bytes = 10) {
        Mail result;
        result.slab = slab;
        result.bytes = slab.bytes().first(bytes);
        result.segment_bytes = bytes;
        return result;
    }

    /// How often the bell rings in what the context has to do now.
    int rings() {
        int count = 0;
        const auto listen = [&]() -> asio::awaitable<void> {
            for (;;) {
                co_await Doorbell::wait(bell);
                ++count;
            }
        };
        asio::co_spawn(context, listen(), asio::detached);
        context.restart();
        context.poll();
        bell->take_down();
        return count;
    }

    asio::io_context context;
    const std::shared_ptr<Doorbell> bell = Doorbell::make(context.get_executor());
    Mailbox box{bell};
    std::vector<Mail> taken;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "mail is taken in the order in which it came") {
    const auto slab = ReceiveSlab::borrow().slab;
    for (std::size_t i = 1; i <= 3; ++i) box.put(mail(slab, i));
    CHECK_FALSE(box.take(taken));
    REQUIRE(taken.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(taken[i].bytes.size() == i + 1);
    taken.clear();
    box.take(taken);
    CHECK(taken.empty());
}

TEST_CASE_METHOD(Fixture, "a batch of mail rings once") {
    const auto slab = ReceiveSlab::borrow().slab;
    for (int i = 0; i < 5; ++i) box.put(mail(slab));
    CHECK(rings() == 1);
}

TEST_CASE_METHOD(Fixture, "mail that nobody takes is dropped and counted") {
    SECTION("when it is too many") {
        const auto slab = ReceiveSlab::borrow().slab;
        for (std::size_t i = 0; i < Mailbox::mails_max + 7; ++i) box.put(mail(slab));
        box.take(taken);
        CHECK(taken.size() == Mailbox::mails_max);
        CHECK(box.dropped() == 7);
    }
    SECTION("when it holds too much memory") {
        for (std::size_t i = 0; i < Mailbox::slabs_max + 2; ++i) {
            box.put(mail(ReceiveSlab::borrow().slab));
        }
        box.take(taken);
        CHECK(taken.size() == Mailbox::slabs_max);
        CHECK(box.dropped() == 2);
    }
    // There is room again.
    const auto before = box.dropped();
    box.put(mail(ReceiveSlab::borrow().slab));
    CHECK(box.dropped() == before);
}

TEST_CASE_METHOD(Fixture, "the first error of a mailbox stays and rings") {
    box.fail(asio::error::connection_refused);
    box.fail(asio::error::bad_descriptor);
    CHECK(box.take(taken) == asio::error::connection_refused);
    CHECK(rings() == 1);
}

TEST_CASE_METHOD(Fixture, "a closed mailbox keeps nothing") {
    const auto before = ReceiveSlab::in_use();
    const auto slab = ReceiveSlab::borrow().slab;
    box.put(mail(slab));
    box.close();
    CHECK(slab.sole());
    box.put(mail(slab));
    CHECK(slab.sole());
    box.take(taken);
    CHECK(taken.empty());
    CHECK(ReceiveSlab::in_use() == before + 1);
}
