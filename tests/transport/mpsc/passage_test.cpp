#include "transport/mpsc/passage.hpp"

#include "catch.hpp"

#include <asio/io_context.hpp>
#include <asio/strand.hpp>

#include <memory>
#include <vector>

using namespace braid;
using namespace braid::transport;
using Side = Passage::Side;

namespace {

protocol::Hello hello_of(unsigned seed) {
    protocol::Hello hello;
    hello.pid.bytes[0] = static_cast<std::uint8_t>(seed);
    hello.application_name = "test";
    return hello;
}

}  // namespace

TEST_CASE("each end of a passage hears what the other said") {
    asio::io_context context;
    const auto bell = Doorbell::make(asio::make_strand(context));
    Passage passage;
    CHECK_FALSE(passage.hear(Side::accepting, bell).hello);
    passage.say(Side::dialling, hello_of(1));
    context.poll();
    CHECK(passage.hear(Side::accepting, bell).hello == hello_of(1));
    CHECK_FALSE(passage.hear(Side::dialling, bell).hello);
    passage.refuse({errc::self_connect, "why", {}});
    const auto heard = passage.hear(Side::dialling, bell);
    REQUIRE(heard.refusal);
    CHECK(heard.refusal->text == "why");
    CHECK_FALSE(heard.gone);
    bell->take_down();
}

TEST_CASE("leaving a passage ends both lanes, and what was sent before is still read") {
    asio::io_context context;
    const auto bell = Doorbell::make(asio::make_strand(context));
    const auto passage = std::make_shared<Passage>();
    auto batch = std::make_unique<Batch>(8);
    batch->filled(3, 3);
    {
        PassageEnd dialling{passage, Side::dialling};
        dialling.out().push(batch);
        CHECK_FALSE(passage->left(Side::dialling));
        PassageEnd moved{std::move(dialling)};
        CHECK_FALSE(dialling);
    }
    CHECK(passage->left(Side::dialling));
    CHECK(passage->hear(Side::accepting, bell).gone);
    std::vector<std::unique_ptr<Batch>> taken;
    CHECK(passage->lane_to(Side::accepting).take(taken) == Lane::Taken::batches);
    CHECK(passage->lane_to(Side::accepting).take(taken) == Lane::Taken::end);
    batch = std::make_unique<Batch>(8);
    CHECK(passage->lane_from(Side::accepting).push(batch) == Lane::Pushed::gone);
    bell->take_down();
}
