#include "transport/simulated/driver.hpp"

#include "catch.hpp"
#include "transport/simulated/within.hpp"

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <memory>
#include <utility>

using namespace std::chrono_literals;
using braid::LinkSimulation;
using braid::protocol::Time;
using braid::test::frames_of;
using braid::test::payload;
using braid::test::ScriptedSink;
using braid::test::ScriptedSource;
using braid::test::WithinDriver;
using braid::test::WithinLink;
using braid::transport::SimulatedDriver;
using braid::transport::SimulatedLink;

namespace {

constexpr Time start{1h};

struct Stage {
    Stage() {
        LinkSimulation simulation;
        simulation.outgoing.latency = simulation.incoming.latency = 50ms;
        simulation.incoming.rate_bytes_per_second = 100'000;
        auto inner_link = std::make_unique<WithinLink>();
        within_link = inner_link.get();
        auto inner_driver = std::make_unique<WithinDriver>(*inner_link);
        within = inner_driver.get();
        link = std::make_unique<SimulatedLink>(std::move(inner_link), simulation, 1);
        driver = std::make_unique<SimulatedDriver>(std::move(inner_driver), *link);
    }

    /// Runs what can run, with a read() under way afterwards.
    void pass(Time now) {
        if (!reading && !link->failure()) {
            reading = true;
            asio::co_spawn(context, driver->read(), [this](std::exception_ptr) {
                reading = false;
                link->drain(sink, time);
            });
        }
        time = now;
        context.restart();
        context.poll();
    }

    asio::io_context context;
    ScriptedSource source;
    ScriptedSink sink;
    WithinLink* within_link = nullptr;
    WithinDriver* within = nullptr;
    std::unique_ptr<SimulatedLink> link;
    std::unique_ptr<SimulatedDriver> driver;
    Time time = start;
    bool reading = false;
};

}  // namespace

TEST_CASE("a simulated driver stops reading while enough is held") {
    Stage stage;
    stage.pass(start);
    CHECK(stage.within->reads == 1);
    stage.within->arriving = frames_of({payload(30'000, 1)});
    stage.within->changed();
    stage.pass(start);
    CHECK_FALSE(stage.reading);
    CHECK(stage.link->reading_paused());
    stage.pass(start);
    CHECK(stage.within->reads == 1);
    CHECK(stage.reading);
    stage.link->drain(stage.sink, start + 500ms);
    CHECK(stage.sink.frames == 1);
    stage.pass(start + 500ms);
    CHECK(stage.within->reads == 2);
    stage.driver->close();
    stage.pass(start + 500ms);
    CHECK_FALSE(stage.reading);
}

TEST_CASE("a simulated driver finishes when the last byte is out") {
    Stage stage;
    stage.source.push(payload(10, 1));
    stage.link->fill(stage.source, start);
    CHECK(stage.driver->try_write());
    stage.driver->finish();
    CHECK(stage.within->finished == 0);
    stage.link->advance(start + 50ms);
    stage.link->fill(stage.source, start + 50ms);
    CHECK(stage.driver->try_write());
    CHECK(stage.within->finished == 1);
    CHECK(stage.within->written == frames_of({payload(10, 1)}));
    CHECK(stage.driver->try_write());
    CHECK(stage.within->finished == 1);
}

TEST_CASE("an error that a write met reaches the reader") {
    Stage stage;
    stage.pass(start);
    CHECK(stage.reading);
    stage.within_link->error = asio::error::host_unreachable;
    CHECK_FALSE(stage.driver->try_write());
    asio::co_spawn(stage.context, stage.driver->write(), [](std::exception_ptr) {});
    stage.pass(start);
    CHECK(stage.within->closed);
    CHECK_FALSE(stage.reading);
    CHECK_FALSE(stage.link->failure());
    stage.link->drain(stage.sink, start + 50ms);
    CHECK(stage.link->failure() == asio::error::host_unreachable);
}

TEST_CASE("a simulated driver that is closed ends what waits") {
    Stage stage;
    SECTION("for the network") {}
    SECTION("for what is held") {
        stage.pass(start);
        stage.within->arriving = frames_of({payload(30'000, 1)});
        stage.within->changed();
        stage.pass(start);
        REQUIRE(stage.link->reading_paused());
    }
    stage.pass(start);
    REQUIRE(stage.reading);
    stage.driver->close();
    stage.driver->close();
    stage.pass(start);
    CHECK_FALSE(stage.reading);
    CHECK(stage.link->failure() == asio::error::operation_aborted);
}
