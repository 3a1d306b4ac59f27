#include "api/trial.hpp"

#include <cstdint>
#include <string>
#include <vector>

// Large messages within the process: what is received lies where the sender put it.

using namespace trial;

namespace {

std::vector<std::byte> bytes_of(std::size_t size, unsigned seed) {
    std::vector<std::byte> result(size);
    for (std::size_t i = 0; i < size; ++i) {
        result[i] = static_cast<std::byte>(i * 7 + (i >> 9) + seed);
    }
    return result;
}

awaitable<Pair> make_pair_in_process(braid::Limits server_limits = {},
                                     braid::Limits client_limits = {}) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, with(server_limits)};
    braid::Network client{executor, with(client_limits)};
    auto listener = co_await server.listen("mpsc://0");
    auto at_client = co_await client.connect(to_string(listener.address()));
    auto at_server = co_await server.connected();
    co_return Pair{std::move(server), std::move(client), std::move(at_server),
                   std::move(at_client)};
}

}  // namespace

TEST_CASE("a large Message is received where it lies, with every set of promises") {
    const auto promises = GENERATE(braid::Promises{}, braid::Promises::ordered,
                                   braid::Promises::guaranteed_delivery, braid::Promises::reliable,
                                   braid::Promises::reliable | braid::Promises::compressed);
    const std::size_t size = GENERATE(16u << 10, 64u << 10, 200u << 10);
    CAPTURE(static_cast<int>(promises), size);
    const auto body = [=]() -> awaitable<void> {
        auto pair = co_await make_pair_in_process();
        braid::StreamOptions options;
        options.promises = promises;
        auto lane = co_await make_lane(pair, options);
        const braid::Message sent{bytes_of(size, 1)};
        for (int i = 0; i < 3; ++i) {
            lane.client.send(sent);
            const auto received = co_await lane.server.recv<braid::Message>();
            REQUIRE(received.bytes().data() == sent.bytes().data());
            REQUIRE(received.size() == size);
        }
        lane.client.send(std::string{"small"});
        const auto small = co_await lane.server.recv<std::string>();
        CHECK(small == "small");
    };
    run(body());
}
