#include "catch.hpp"
#include "protocol/frame.hpp"
#include "protocol/frame_writer.hpp"
#include "runtime/simulated_world.hpp"

#include <array>

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::FrameWriter;
using simulated::Stranger;
using simulated::World;

TEST_CASE("a peer cannot have a stream encrypted where nothing is") {
    World world;
    auto network = world.make_network(1);
    const auto ask = [](World& all, braid::Network& asked) -> asio::awaitable<void> {
        auto listener = co_await asked.listen("tcp://127.0.0.1:0");
        auto stranger = co_await simulated::introduce(all, to_string(listener.address()), 9);
        std::array<std::byte, 64> buffer;
        std::vector<FrameWriter::Reference> references;
        FrameWriter writer{buffer, buffer.size(), references};
        // The stranger has the higher Pid: its streams are odd.
        writer.open(0, braid::StreamId{1}, 4, static_cast<std::uint8_t>(Promises::encrypted), 0,
                    1000, 0);
        stranger.say(
            {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(writer.copied())});
        auto participant = co_await asked.connected();
        CHECK_FALSE(participant.try_opened());
        auto answer = co_await Stranger::answer(stranger.wire.to_dialler);
        std::span<const std::byte> rest{answer};
        bool refused = false;
        while (!rest.empty()) {
            braid::protocol::Frame frame;
            const auto status = decode(rest, braid::protocol::Framing::stream, frame);
            REQUIRE(status == braid::protocol::FrameStatus::complete);
            refused = refused || frame.type == braid::protocol::FrameType::refuse_stream;
        }
        CHECK(refused);
    };
    world.run(ask(world, network));
}
