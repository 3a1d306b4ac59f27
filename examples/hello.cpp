// Two Networks say hello to each other, both in this one file.
#include <braid/braid.hpp>

#include <iostream>

asio::awaitable<void> serve(braid::Network network) {
    auto client = co_await network.connected();
    auto stream = co_await client.opened();
    std::cout << "Got message: " << co_await stream.recv<std::string>() << std::endl;
    stream.send("Hello yourself");
    co_await network.shutdown();  // what was guaranteed arrives first
}

asio::awaitable<void> greet(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto listener = co_await network.listen(address);
    braid::spawn(co_await asio::this_coro::executor, serve(std::move(network)));

    braid::Network client{co_await asio::this_coro::executor};
    auto server = co_await client.connect(to_string(listener.address()));
    auto stream = co_await server.open();
    stream.send("Hello World");
    std::cout << "Got answer: " << co_await stream.recv<std::string>() << std::endl;
}

int main(int argc, char** argv) {
    const std::string address = argc > 1 ? argv[1] : "tcp://127.0.0.1:0";
    if (address == "--help") return std::cout << "hello [address, or mpsc://1]\n", 0;
    braid::run(greet(address));
}
