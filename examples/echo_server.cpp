// Sends back whatever arrives, on every stream of every client, until it is interrupted. With
// --ask it is the client: it sends each line that it reads and prints what comes back.

#include "command_line.hpp"

#include <braid/braid.hpp>

#include <asio/signal_set.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <csignal>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>

namespace {

constexpr auto usage =
    "echo_server [address]        serve there (tcp://127.0.0.1:14004)\n"
    "echo_server --ask address    send the lines of standard input there, print the answers\n";

asio::awaitable<void> echo(braid::Stream stream) {
    try {
        // Bytes are enough here: nothing needs to be unpacked to be sent back.
        while (auto message = co_await stream.next<braid::Message>()) {
            // A client that does not read its answers waits here, alone.
            co_await stream.writable(1u << 20);
            stream.send(*message);
        }
    } catch (const braid::StreamError&) {
        // The client is lost: serve() tells.
    }
}

asio::awaitable<void> serve(braid::Participant client) {
    const auto executor = co_await asio::this_coro::executor;
    const auto name = to_string(client.pid());
    std::cout << name << " came" << std::endl;
    try {
        while (auto stream = co_await client.next_opened()) {
            braid::spawn(executor, echo(std::move(*stream)));
        }
        std::cout << name << " left" << std::endl;
    } catch (const braid::ParticipantError& error) {
        std::cout << name << " left: " << error.what() << std::endl;
    }
}

asio::awaitable<void> accept(std::shared_ptr<braid::Network> network) {
    const auto executor = co_await asio::this_coro::executor;
    while (auto client = co_await network->next_connected()) {
        braid::spawn(executor, serve(std::move(*client)));
    }
}

asio::awaitable<void> run_server(std::string address) {
    const auto executor = co_await asio::this_coro::executor;
    const auto network = std::make_shared<braid::Network>(executor);
    const auto listener = co_await network->listen(address);
    std::cout << "listening on " << to_string(listener.address()) << std::endl;
    braid::spawn(executor, accept(network));

    asio::signal_set signals{executor, SIGINT, SIGTERM};
    co_await signals.async_wait(asio::use_awaitable);
    std::cout << "shutting down" << std::endl;
    co_await network->shutdown();
}

asio::awaitable<void> ask(std::string address) {
    braid::Network network{co_await asio::this_coro::executor};
    auto server = co_await network.connect(address);
    auto stream = co_await server.open();
    // Reading the terminal blocks, which is fine while there is nothing else to do.
    for (std::string line; std::getline(std::cin, line);) {
        stream.send(line);
        std::cout << co_await stream.recv<std::string>() << std::endl;
    }
    co_await network.shutdown();
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = arguments(argc, argv, usage, 2);
    const auto first = argument_or(words, 0, "tcp://127.0.0.1:14004");
    try {
        braid::run(first == "--ask" ? ask(argument_or(words, 1, "tcp://127.0.0.1:14004"))
                                    : run_server(first));
    } catch (const std::system_error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
