// Waits for hello_client and answers it.

#include <braid/braid.hpp>

#include <asio/this_coro.hpp>

#include <iostream>
#include <string>

asio::awaitable<void> serve(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto listener = co_await network.listen(address);
    std::cout << "listening on " << to_string(listener.address()) << std::endl;

    auto client = co_await network.connected();
    auto stream = co_await client.opened();
    std::cout << "Got message: " << co_await stream.recv<std::string>() << std::endl;
    stream.send("Hello Client");
    co_await network.shutdown();
}

int main(int argc, char** argv) { braid::run(serve(argc > 1 ? argv[1] : "tcp://127.0.0.1:14004")); }
