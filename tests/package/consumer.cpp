// What a stranger writes: a little of everything that the library has to bring along.

#include <braid/braid.hpp>
#include <braid/io_thread.hpp>

#include <asio/error.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

namespace {

struct Position {
    std::string name;
    std::vector<float> coordinates;
};

asio::awaitable<void> serve(braid::Network& network) {
    auto client = co_await network.connected();
    auto stream = co_await client.opened();
    while (auto position = co_await stream.next<Position>()) {
        std::cout << "Got position of " << position->name << '\n';
        stream.send(braid::Message::pack(position->coordinates.size()));
    }
    co_await client.disconnect({7, "enough"});
}

asio::awaitable<void> walk(std::string address, std::string version) {
    braid::Network network{co_await asio::this_coro::executor,
                           braid::NetworkOptions{}.application("consumer", version)};
    auto server = co_await network.connect(address);
    auto stream = co_await server.open({.priority = 1, .tag = 3});
    {
        const braid::Cork cork;
        stream.send(Position{"Ada", {1, 2, 3}});
    }
    const auto count = co_await stream.recv_for<std::size_t>(std::chrono::seconds{10});
    std::cout << "Got answer: " << count.value_or(0) << '\n';
    stream.finish();
    co_await stream.drained();
    auto opened = co_await server.next_opened();
    std::cout << "Closed: " << server.close_reason().value().text() << ' ' << opened.has_value()
              << '\n';
    co_await network.shutdown();
}

/// Exceptions and error codes pass from the library into the program.
bool errors_arrive() {
    try {
        braid::ConnectAddr::tcp("no host", 1);
        return false;
    } catch (const braid::ConnectError& error) {
        if (error.code() != braid::errc::address_invalid) return false;
    }
    try {
        braid::Message::pack(1).unpack<std::string>();
        return false;
    } catch (const braid::StreamError& error) {
        return error.code().category() == braid::category();
    }
}

}  // namespace

int main() {
    if (!errors_arrive()) return 1;
    braid::IoThread io;
    braid::Network network{
        braid::Pid::numbered(1), io.executor(),
        braid::NetworkOptions{}.application("consumer", "1").log_level(braid::LogLevel::off)};
    auto listener = io.wait(network.listen("tcp://127.0.0.1:0"));
    const auto nobody = io.wait(network.try_connect("tcp://127.0.0.1:1"));
    if (nobody || nobody.error() != asio::error::connection_refused) return 1;
    try {
        io.wait(walk(to_string(listener.address()), "2"));
        return 1;
    } catch (const braid::HandshakeError& error) {
        if (error.code() != braid::errc::handshake_application) return 1;
        std::cout << "Turned away\n";
    }
    auto served = io.start(serve(network));
    io.wait(walk(to_string(listener.address()), "1"));
    served.get();
    io.wait(network.shutdown());
}
