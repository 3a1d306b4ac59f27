// A dialling end whose port is dead, as where a NAT has lost the mapping or a phone has left the
// Wi-Fi that its socket belongs to, goes on from another one.

#include "api/trial.hpp"

#include <asio/buffer.hpp>
#include <asio/ip/udp.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

using namespace trial;
using asio::ip::udp;
using braid::Network;

namespace {

/// A NAT on loopback: each port of the inner side is seen by the server as another one.
class Nat {
public:
    Nat(const asio::any_io_executor& executor, std::uint16_t server)
        : server_{asio::ip::address_v4::loopback(), server},
          inner_{executor, udp::endpoint{asio::ip::address_v4::loopback(), 0}} {
        asio::co_spawn(executor, leave(), asio::detached);
    }

    std::string address() const {
        return "udp://127.0.0.1:" + std::to_string(inner_.local_endpoint().port());
    }

    /// Nothing passes any more from or to the ports that were in use.
    void bar() {
        for (const auto& [client, outside] : outside_) barred_.insert(client);
    }

    /// Nothing passes at all meanwhile.
    void shut(bool on) noexcept { shut_ = on; }

    std::size_t ports() const noexcept { return outside_.size(); }

    std::set<std::uint16_t> inner_ports() const {
        std::set<std::uint16_t> result;
        for (const auto& [client, outside] : outside_) result.insert(client.port());
        return result;
    }

private:
    awaitable<void> leave() {
        std::array<std::byte, 2'048> bytes;
        for (;;) {
            udp::endpoint client;
            const auto size = co_await inner_.async_receive_from(asio::buffer(bytes), client,
                                                                 asio::use_awaitable);
            if (shut_ || barred_.contains(client)) continue;
            auto& outside = outside_[client];
            if (outside == nullptr) {
                outside = std::make_unique<udp::socket>(
                    inner_.get_executor(), udp::endpoint{asio::ip::address_v4::loopback(), 0});
                asio::co_spawn(inner_.get_executor(), enter(*outside, client), asio::detached);
            }
            std::error_code ignored;
            outside->send_to(asio::buffer(bytes, size), server_, 0, ignored);
        }
    }

    awaitable<void> enter(udp::socket& outside, udp::endpoint client) {
        std::array<std::byte, 2'048> bytes;
        for (;;) {
            udp::endpoint from;
            const auto size =
                co_await outside.async_receive_from(asio::buffer(bytes), from, asio::use_awaitable);
            if (shut_ || barred_.contains(client)) continue;
            std::error_code ignored;
            inner_.send_to(asio::buffer(bytes, size), client, 0, ignored);
        }
    }

    const udp::endpoint server_;
    udp::socket inner_;
    std::map<udp::endpoint, std::unique_ptr<udp::socket>> outside_;
    std::set<udp::endpoint> barred_;
    bool shut_ = false;
};

struct Behind {
    explicit Behind(asio::any_io_executor executor)
        : server{executor, with({})}, client{executor, with({})} {}

    awaitable<void> meet() {
        const auto executor = co_await asio::this_coro::executor;
        auto listener = co_await server.listen("udp://127.0.0.1:0");
        nat = std::make_unique<Nat>(executor, listener.address().port());
        at_client.emplace(co_await client.connect(nat->address()));
        at_server.emplace(co_await server.connected());
    }

    Network server;
    Network client;
    std::unique_ptr<Nat> nat;
    std::optional<braid::Participant> at_client;
    std::optional<braid::Participant> at_server;
};

}  // namespace

TEST_CASE("a connection goes on from another port when its own is dead") {
    const auto test = []() -> awaitable<void> {
        Behind ends{co_await asio::this_coro::executor};
        co_await ends.meet();
        auto stream = co_await ends.at_client->open();
        stream.send(0);
        auto twin = co_await ends.at_server->opened();
        CHECK(ends.nat->ports() == 1);
        ends.nat->bar();
        for (int i = 1; i < 100; ++i) {
            stream.send(i);
            twin.send(i);
        }
        for (int i = 0; i < 100; ++i) {
            const auto received = co_await twin.recv<int>();
            CHECK(received == i);
        }
        for (int i = 1; i < 100; ++i) {
            const auto received = co_await stream.recv<int>();
            CHECK(received == i);
        }
        CHECK(ends.nat->ports() == 2);
        CHECK(ends.server.stats().participants == 1);
    };
    trial::run(test());
}

TEST_CASE("connections that share a dead port share the next one") {
    const auto test = []() -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        Behind ends{executor};
        co_await ends.meet();
        Network other{executor, with({})};
        auto listener = co_await other.listen("udp://127.0.0.1:0");
        Nat nat{executor, listener.address().port()};
        auto to_other = co_await ends.client.connect(nat.address());
        auto at_other = co_await other.connected();
        ends.nat->bar();
        nat.bar();
        auto one = co_await ends.at_client->open();
        auto two = co_await to_other.open();
        one.send(1);
        two.send(2);
        auto one_twin = co_await ends.at_server->opened();
        auto two_twin = co_await at_other.opened();
        const auto first = co_await one_twin.recv<int>();
        const auto second = co_await two_twin.recv<int>();
        CHECK(first == 1);
        CHECK(second == 2);
        CHECK(ends.nat->inner_ports() == nat.inner_ports());
        CHECK(nat.inner_ports().size() == 2);
    };
    trial::run(test());
}

TEST_CASE("a peer that was silent for long does not lose the connection by the ports tried") {
    const auto test = []() -> awaitable<void> {
        Behind ends{co_await asio::this_coro::executor};
        co_await ends.meet();
        auto stream = co_await ends.at_client->open();
        ends.nat->shut(true);
        stream.send(7);
        asio::steady_timer timer{co_await asio::this_coro::executor, 5s};
        co_await timer.async_wait(asio::use_awaitable);
        ends.nat->shut(false);
        auto twin = co_await ends.at_server->opened();
        const auto received = co_await twin.recv<int>();
        CHECK(received == 7);
        CHECK(ends.nat->ports() <= 4);
    };
    trial::run(test());
}
