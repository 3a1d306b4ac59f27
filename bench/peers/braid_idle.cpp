#include "peers/braid_idle.hpp"

#include <braid/braid.hpp>

#include <asio/this_coro.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

namespace {

/// Keep-alives are wake-ups that are wanted; an hour of idle time keeps them out of what is
/// measured.
braid::NetworkOptions options_for(unsigned participants) {
    braid::Limits limits;
    limits.participants = participants + 16;
    limits.half_open = participants + 16;
    limits.handshakes_per_second = 1'000'000;
    limits.idle = std::chrono::hours(1);
    return braid::NetworkOptions().limits(limits);
}

asio::awaitable<void> listen(IdleSide& side, std::string scheme) {
    side.begin();
    braid::Network network(co_await asio::this_coro::executor, options_for(side.participants()));
    auto listener = co_await network.listen(scheme + "://127.0.0.1:0");
    side.listening(listener.address().port());
    std::vector<braid::Participant> participants;
    while (true) {
        participants.push_back(co_await network.connected());
        side.established();
    }
}

asio::awaitable<void> dial(IdleSide& side, std::string scheme) {
    const auto executor = co_await asio::this_coro::executor;
    const std::string address = scheme + "://127.0.0.1:" + std::to_string(side.port());
    side.begin();
    std::vector<braid::Network> networks;
    std::vector<braid::Participant> participants;
    for (unsigned index = 0; index < side.participants(); ++index) {
        networks.emplace_back(executor, options_for(1));
        participants.push_back(co_await networks.back().connect(address));
        side.established();
    }
    // Waits for what never comes; the process ends when all is measured.
    co_await networks.back().connected();
}

}  // namespace

IdlePeer braid_idle(const std::string& scheme) {
    return {"braid-" + scheme, [=](IdleSide& side) { braid::run(listen(side, scheme)); },
            [=](IdleSide& side) { braid::run(dial(side, scheme)); }};
}

}  // namespace bench
