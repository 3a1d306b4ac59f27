// Says hello to hello_server.

#include <braid/braid.hpp>

#include <asio/this_coro.hpp>

#include <iostream>
#include <string>

asio::awaitable<void> greet(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto server = co_await network.connect(address);
    auto stream = co_await server.open();
    stream.send("Hello World");
    std::cout << "Got answer: " << co_await stream.recv<std::string>() << std::endl;
    co_await network.shutdown();
}

int main(int argc, char** argv) { braid::run(greet(argc > 1 ? argv[1] : "tcp://127.0.0.1:14004")); }
