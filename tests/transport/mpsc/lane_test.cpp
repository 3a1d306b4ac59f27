#include "transport/mpsc/lane.hpp"

#include "catch.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>

#include <memory>
#include <vector>

using namespace braid::transport;

namespace {

std::unique_ptr<Batch> batch_of(std::size_t bytes, std::size_t weight, std::size_t beside = 0) {
    auto batch = std::make_unique<Batch>(bytes == 0 ? 1 : bytes);
    batch->filled(bytes, weight);
    for (std::size_t i = 0; i < beside; ++i) {
        batch->beside().emplace_back(std::vector<std::byte>(100));
    }
    return batch;
}

/// One end's bell, on a strand of a context of its own, and how often it rang.
struct Listening {
    Listening() : bell{Doorbell::make(asio::make_strand(context))} {
        const auto count = [](std::shared_ptr<Doorbell> waited,
                              int& heard) -> asio::awaitable<void> {
            for (;;) {
                co_await Doorbell::wait(waited);
                ++heard;
            }
        };
        asio::co_spawn(context, count(bell, rings_), asio::detached);
        context.poll();
    }

    int rings() {
        context.restart();
        context.poll();
        return rings_;
    }

    asio::io_context context;
    std::shared_ptr<Doorbell> bell;

private:
    int rings_ = 0;
};

}  // namespace

TEST_CASE("a lane hands over batches in order, and spare ones back") {
    Lane lane;
    std::vector<std::unique_ptr<Batch>> taken;
    for (std::size_t i = 1; i <= 3; ++i) {
        auto batch = batch_of(i, i);
        REQUIRE(lane.push(batch) == Lane::Pushed::room);
        CHECK(batch == nullptr);
    }
    REQUIRE(lane.take(taken) == Lane::Taken::batches);
    REQUIRE(taken.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(taken[i]->bytes().size() == i + 1);
    taken[2]->beside().emplace_back(std::vector<std::byte>(100));
    CHECK(lane.take(taken) == Lane::Taken::nothing);
    CHECK(taken.empty());
    auto batch = batch_of(1, 1);
    lane.push(batch);
    REQUIRE(batch != nullptr);
    CHECK(batch->bytes().empty());
    CHECK(batch->beside().empty());
}

TEST_CASE("a lane is bounded in batches and in bytes") {
    Lane lane;
    std::vector<std::unique_ptr<Batch>> taken;
    for (std::size_t i = 1; i <= Lane::batches_max; ++i) {
        auto batch = batch_of(1, 1);
        const auto expected = i < Lane::batches_max ? Lane::Pushed::room : Lane::Pushed::full;
        REQUIRE(lane.push(batch) == expected);
    }
    auto refused = batch_of(7, 7);
    CHECK(lane.push(refused) == Lane::Pushed::no);
    CHECK(refused->bytes().size() == 7);
    REQUIRE(lane.take(taken) == Lane::Taken::batches);
    CHECK(taken.size() == Lane::batches_max);

    auto light = batch_of(1, Lane::bytes_max - 1);
    CHECK(lane.push(light) == Lane::Pushed::room);
    auto heavy = batch_of(1, 16u << 20);
    CHECK(lane.push(heavy) == Lane::Pushed::full);
    CHECK(lane.push(refused) == Lane::Pushed::no);
    CHECK_FALSE(lane.has_room());
    REQUIRE(lane.take(taken) == Lane::Taken::batches);
    CHECK(lane.has_room());
}

TEST_CASE("the reader of a lane gets only so much at once, and all of it in the end") {
    Lane lane;
    std::vector<std::unique_ptr<Batch>> taken;
    for (std::size_t i = 1; i <= 3; ++i) {
        auto batch = batch_of(i, Lane::taken_bytes_max);
        REQUIRE(lane.push(batch) != Lane::Pushed::no);
    }
    for (std::size_t i = 1; i <= 3; ++i) {
        REQUIRE(lane.take(taken) == Lane::Taken::batches);
        REQUIRE(taken.size() == 1);
        CHECK(taken[0]->bytes().size() == i);
    }
    CHECK(lane.take(taken) == Lane::Taken::nothing);
}

TEST_CASE("a lane rings its reader once when it is not empty any more, and only if it waits") {
    Lane lane;
    Listening reader;
    std::vector<std::unique_ptr<Batch>> taken;
    lane.set_reader(reader.bell);
    auto first = batch_of(1, 1);
    lane.push(first);
    CHECK(reader.rings() == 0);
    CHECK(lane.take(taken) == Lane::Taken::batches);
    CHECK(lane.take(taken) == Lane::Taken::nothing);
    for (int i = 0; i < 3; ++i) {
        auto batch = batch_of(1, 1);
        lane.push(batch);
    }
    CHECK(reader.rings() == 1);
}

TEST_CASE("a lane rings its writer when there is room again, if it waits for that") {
    Lane lane;
    Listening writer;
    std::vector<std::unique_ptr<Batch>> taken;
    lane.set_writer(writer.bell);
    auto heavy = batch_of(1, Lane::bytes_max);
    CHECK(lane.push(heavy) == Lane::Pushed::full);
    lane.take(taken);
    CHECK(writer.rings() == 0);
    heavy = batch_of(1, Lane::bytes_max);
    lane.push(heavy);
    CHECK_FALSE(lane.has_room());
    lane.take(taken);
    CHECK(writer.rings() == 1);
    CHECK(lane.has_room());
}

TEST_CASE("what was pushed before a lane's end is still read") {
    Lane lane;
    Listening reader;
    std::vector<std::unique_ptr<Batch>> taken;
    lane.set_reader(reader.bell);
    CHECK(lane.take(taken) == Lane::Taken::nothing);
    auto last = batch_of(1, 1);
    lane.push(last);
    lane.finish();
    CHECK(reader.rings() == 1);
    CHECK(lane.take(taken) == Lane::Taken::batches);
    CHECK(lane.take(taken) == Lane::Taken::end);
    CHECK(lane.take(taken) == Lane::Taken::end);
}

TEST_CASE("a lane's end alone wakes the reader") {
    Lane lane;
    Listening reader;
    std::vector<std::unique_ptr<Batch>> taken;
    lane.set_reader(reader.bell);
    CHECK(lane.take(taken) == Lane::Taken::nothing);
    lane.finish();
    CHECK(reader.rings() == 1);
}

TEST_CASE("a lane that nobody reads any more holds nothing and takes nothing") {
    Lane lane;
    Listening writer;
    lane.set_writer(writer.bell);
    const braid::Message message{std::vector<std::byte>(100)};
    auto batch = batch_of(1, Lane::bytes_max);
    batch->beside().push_back(message);
    lane.push(batch);
    CHECK_FALSE(lane.has_room());
    lane.close();
    CHECK(writer.rings() == 1);
    CHECK(lane.has_room());
    auto late = batch_of(1, 1, 1);
    CHECK(lane.push(late) == Lane::Pushed::gone);
}

TEST_CASE("an idle lane keeps one small spare batch") {
    Lane lane;
    std::vector<std::unique_ptr<Batch>> taken;
    for (const auto size :
         {Lane::spare_bytes_idle * 2, Lane::spare_bytes_idle, Lane::spare_bytes_idle}) {
        auto batch = batch_of(size, size);
        lane.push(batch);
    }
    lane.take(taken);
    CHECK(lane.take(taken) == Lane::Taken::nothing);
    auto batch = batch_of(1, 1);
    lane.push(batch);
    REQUIRE(batch != nullptr);
    CHECK(batch->capacity() == Lane::spare_bytes_idle);
    batch = batch_of(1, 1);
    lane.push(batch);
    CHECK(batch == nullptr);
}
