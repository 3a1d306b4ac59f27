// Rooms in which people talk, from their terminals.

#include "command_line.hpp"

#include <braid/braid.hpp>
#include <braid/io_thread.hpp>

#include <asio/signal_set.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <csignal>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace {

constexpr auto usage =
    "chat --serve [address]    open the house there (tcp://127.0.0.1:14005)\n"
    "chat name [address]       go there; then type: /join room, /quit, or what you have to say\n";
constexpr auto default_address = "tcp://127.0.0.1:14005";

/// From a client: the first one of a stream says its name.
struct Line {
    std::string text;
};

struct Guest {
    explicit Guest(braid::Stream its_stream) : stream{std::move(its_stream)} {}

    braid::Stream stream;
    std::string name;
    std::string room = "hall";
};

/// All rooms. One thread runs the server, so that nothing needs a lock.
class House {
public:
    void enter(const std::shared_ptr<Guest>& guest, std::string room) {
        guest->room = std::move(room);
        rooms_[guest->room].insert(guest);
        tell(guest->room, "* " + guest->name + " is in " + guest->room);
    }

    void leave(const std::shared_ptr<Guest>& guest) {
        auto& room = rooms_[guest->room];
        room.erase(guest);
        if (room.empty()) rooms_.erase(guest->room);
        if (rooms_.contains(guest->room)) tell(guest->room, "* " + guest->name + " has left");
    }

    void say(const Guest& guest, const std::string& text) {
        tell(guest.room, guest.name + ": " + text);
    }

private:
    /// Packed once, however many listen. Who does not read misses what his queue has no room for.
    void tell(const std::string& room, const std::string& text) {
        const auto message = braid::Message::pack(text, braid::Promises::reliable);
        for (const auto& guest : rooms_[room]) {
            if (guest->stream.try_send(message)) std::cout << guest->name << " misses a line\n";
        }
        std::cout << '[' << room << "] " << text << std::endl;
    }

    std::map<std::string, std::set<std::shared_ptr<Guest>>> rooms_;
};

asio::awaitable<void> listen_to(std::shared_ptr<Guest> guest, std::shared_ptr<House> house) {
    while (auto line = co_await guest->stream.next<Line>()) {
        if (line->text == "/quit") co_return;
        if (line->text.starts_with("/join ")) {
            house->leave(guest);
            house->enter(guest, line->text.substr(6));
        } else {
            house->say(*guest, line->text);
        }
    }
}

asio::awaitable<void> serve(braid::Participant client, std::shared_ptr<House> house) {
    std::shared_ptr<Guest> guest;
    try {
        guest = std::make_shared<Guest>(co_await client.opened());
        auto name = co_await guest->stream.recv<Line>();
        guest->name = std::move(name.text);
        house->enter(guest, "hall");
        co_await listen_to(guest, house);
    } catch (const std::system_error& error) {
        std::cout << to_string(client.pid()) << ": " << error.what() << std::endl;
    }
    if (guest != nullptr) house->leave(guest);
}

asio::awaitable<void> accept(std::shared_ptr<braid::Network> network) {
    const auto executor = co_await asio::this_coro::executor;
    const auto house = std::make_shared<House>();
    while (auto client = co_await network->next_connected()) {
        braid::spawn(executor, serve(std::move(*client), house));
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
    co_await network->shutdown();
}

asio::awaitable<void> print(std::shared_ptr<braid::Stream> stream) {
    try {
        while (auto line = co_await stream->next<std::string>()) std::cout << *line << std::endl;
        std::cout << "Goodbye." << std::endl;
    } catch (const braid::StreamError& error) {
        std::cout << error.what() << std::endl;
    }
}

/// The terminal has a thread of its own, and anything may be called from any thread.
void talk(const std::string& name, const std::string& address) {
    braid::IoThread io;
    braid::Network network{io.executor()};
    auto server = io.wait(network.connect(address));
    const auto stream = std::make_shared<braid::Stream>(io.wait(server.open()));
    const auto printed = io.start(print(stream));

    stream->send(Line{name});
    std::string text;
    while (text != "/quit" && std::getline(std::cin, text)) {
        if (stream->try_send(Line{text})) break;
    }
    stream->finish();
    io.wait(network.shutdown());
    printed.wait();
}

}  // namespace

int main(int argc, char** argv) {
    const auto words = arguments(argc, argv, usage, 2);
    const auto address = argument_or(words, 1, default_address);
    try {
        if (words.empty()) {
            std::cerr << usage;
            return 2;
        }
        words[0] == "--serve" ? braid::run(run_server(address)) : talk(words[0], address);
    } catch (const std::system_error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
