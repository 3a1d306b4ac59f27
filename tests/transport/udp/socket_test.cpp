#include "transport/udp/socket.hpp"

#include "catch.hpp"
#include "transport/udp/packet.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

using namespace braid::transport;

namespace {

using asio::ip::udp;
using Bytes = std::vector<std::byte>;

const udp::endpoint any_port{asio::ip::address_v4::loopback(), 0};

std::shared_ptr<UdpSocket> open(asio::io_context& context,
                                const udp::endpoint& endpoint = any_port) {
    return UdpSocket::open(context.get_executor(), endpoint, {});
}

Bytes numbered(std::size_t size, unsigned seed = 0) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
    return bytes;
}

/// A packet for the connection of that id, as far as a socket looks.
Bytes packet_to(ConnectionId id, std::size_t size, unsigned seed = 0) {
    auto bytes = numbered(size + packet_header_bytes_max, seed);
    const auto header = encode_packet_header(bytes.data(), false, id, 1, 4);
    REQUIRE(header < bytes.size());
    return bytes;
}

class Keeper final : public Strays {
public:
    void stray(UdpSocket&, const SocketAddress& from, const SocketAddress&,
               std::span<std::byte> bytes) override {
        all.emplace_back(bytes.begin(), bytes.end());
        last_from = from;
    }

    std::vector<Bytes> all;
    SocketAddress last_from;
};

/// A connection's end of a socket: a mailbox and what was in it.
struct Desk {
    explicit Desk(asio::io_context& context)
        : bell{Doorbell::make(context.get_executor())}, box{std::make_shared<Mailbox>(bell)} {}
    ~Desk() { bell->take_down(); }

    std::vector<Bytes> datagrams() {
        std::vector<Mail> mails;
        error = box->take(mails);
        for (const auto& mail : mails) {
            for (std::size_t at = 0; at < mail.bytes.size(); at += mail.segment_bytes) {
                const auto size = std::min(mail.segment_bytes, mail.bytes.size() - at);
                const auto part = mail.bytes.subspan(at, size);
                got.emplace_back(part.begin(), part.end());
            }
        }
        return got;
    }

    const std::shared_ptr<Doorbell> bell;
    const std::shared_ptr<Mailbox> box;
    std::vector<Bytes> got;
    std::error_code error;
};

struct Fixture {
    /// Runs until that is so.
    void until(const std::function<bool()>& met) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (!met() && std::chrono::steady_clock::now() < give_up) {
            context.restart();
            context.run_one_for(std::chrono::milliseconds{20});
        }
        REQUIRE(met());
    }

    ConnectionId add(const Desk& desk) {
        const auto id = server->add(desk.box);
        REQUIRE(id);
        return *id;
    }

    static SocketAddress address(const UdpSocket& socket) {
        return datagram_io::address_of(socket.endpoint());
    }

    static void send(UdpSocket& from, const UdpSocket& to, const Bytes& bytes) {
        const auto result = from.send(address(to), {}, bytes, bytes.size());
        REQUIRE(result.bytes == bytes.size());
    }

    asio::io_context context;
    std::shared_ptr<UdpSocket> server = open(context);
    std::shared_ptr<UdpSocket> client = open(context);
};

}  // namespace

TEST_CASE_METHOD(Fixture, "a socket hands packets to the connection that they name") {
    Desk one{context};
    Desk other{context};
    const auto id_of_one = add(one);
    const auto id_of_other = add(other);
    CHECK(id_of_one != id_of_other);
    const auto keeper = std::make_shared<Keeper>();
    server->set_strays(keeper);
    const auto to_one = packet_to(id_of_one, 50);
    const auto to_other = packet_to(id_of_other, 60, 1);
    const auto to_nobody = packet_to(id_of_one + 1, 70, 2);
    send(*client, *server, to_one);
    send(*client, *server, to_nobody);
    send(*client, *server, to_other);
    until([&] { return !one.datagrams().empty() && !other.datagrams().empty(); });
    CHECK(one.got == std::vector<Bytes>{to_one});
    CHECK(other.got == std::vector<Bytes>{to_other});
    CHECK(keeper->all == std::vector<Bytes>{to_nobody});
    CHECK(keeper->last_from == address(*client));

    server->remove(id_of_one);
    send(*client, *server, to_one);
    until([&] { return keeper->all.size() == 2; });
    CHECK(keeper->all.back() == to_one);
}

TEST_CASE_METHOD(Fixture, "a socket hands all that comes from a peer to its connection") {
    const auto stranger = open(context);
    Desk desk{context};
    REQUIRE(client->add(address(*server), desk.box));
    CHECK_FALSE(client->add(address(*server), desk.box));
    const auto keeper = std::make_shared<Keeper>();
    client->set_strays(keeper);
    send(*stranger, *client, numbered(30));
    send(*server, *client, numbered(40));
    until([&] { return !desk.datagrams().empty(); });
    CHECK(desk.got == std::vector<Bytes>{numbered(40)});
    until([&] { return !keeper->all.empty(); });
    CHECK(keeper->all == std::vector<Bytes>{numbered(30)});
}

TEST_CASE_METHOD(Fixture, "a batch for several connections is shared out") {
    Desk one{context};
    Desk other{context};
    const auto id_of_one = add(one);
    const auto id_of_other = add(other);
    const auto id_of_nobody = id_of_one + 1;
    REQUIRE(id_of_nobody != id_of_other);
    const auto keeper = std::make_shared<Keeper>();
    server->set_strays(keeper);
    Bytes batch;
    std::vector<Bytes> to_one;
    std::vector<Bytes> to_other;
    std::vector<Bytes> to_nobody;
    const ConnectionId ids[] = {id_of_one,    id_of_one, id_of_other, id_of_nobody,
                                id_of_nobody, id_of_one, id_of_other, id_of_other};
    for (unsigned i = 0; i < 8; ++i) {
        const auto packet = packet_to(ids[i], 100, i);
        (ids[i] == id_of_one     ? to_one
         : ids[i] == id_of_other ? to_other
                                 : to_nobody)
            .push_back(packet);
        batch.insert(batch.end(), packet.begin(), packet.end());
    }
    const auto result = client->send(address(*server), {}, batch, batch.size() / 8);
    REQUIRE(result.bytes == batch.size());
    until([&] {
        return one.datagrams().size() == to_one.size() &&
               other.datagrams().size() == to_other.size() &&
               keeper->all.size() == to_nobody.size();
    });
    CHECK(one.got == to_one);
    CHECK(other.got == to_other);
    CHECK(keeper->all == to_nobody);
}

TEST_CASE_METHOD(Fixture, "what waits in the system is read when asked and without the strand") {
    Desk desk{context};
    const auto id = add(desk);
    for (unsigned i = 0; i < 100; ++i) send(*client, *server, packet_to(id, 900, i));
    // Nobody runs the context.
    server->catch_up();
    CHECK(desk.datagrams().size() == 100);
}

TEST_CASE_METHOD(Fixture, "a socket gives its memory back when all is read") {
    Desk desk{context};
    const auto id = add(desk);
    const auto before = ReceiveSlab::in_use();
    for (unsigned i = 0; i < 500; ++i) {
        send(*client, *server, packet_to(id, 1'000, i));
        until([&] { return desk.datagrams().size() == i + 1; });
    }
    server->catch_up();
    CHECK(ReceiveSlab::in_use() == before);
}

TEST_CASE_METHOD(Fixture, "who waits for room is woken once there is some") {
    const auto bell = Doorbell::make(context.get_executor());
    bool woken = false;
    const auto wait = [&]() -> asio::awaitable<void> {
        co_await Doorbell::wait(bell);
        woken = true;
    };
    asio::co_spawn(context, wait(), asio::detached);
    client->ring_when_writable(bell);
    until([&] { return woken; });
    bell->take_down();
}

#if !defined(BRAID_PORTABLE_IO)
TEST_CASE_METHOD(Fixture, "a port that nobody listens at is reported while one wants to know") {
    const auto gone = address(*server);
    server = nullptr;
    Desk desk{context};
    REQUIRE(client->add(gone, desk.box));
    client->want_reports(true);
    REQUIRE(client->send(gone, {}, numbered(10), 10).bytes == 10);
    until([&] {
        desk.datagrams();
        return bool{desk.error};
    });
    CHECK(desk.error == asio::error::connection_refused);
    client->want_reports(false);
}
#endif

TEST_CASE("a port that is taken is an error") {
    asio::io_context context;
    const auto first = open(context);
    try {
        open(context, first->endpoint());
        FAIL("the port was taken twice");
    } catch (const std::system_error& error) {
        CHECK(error.code() == asio::error::address_in_use);
    }
}

TEST_CASE("a socket outlives its context") {
    std::shared_ptr<UdpSocket> socket;
    std::optional<asio::io_context> context{std::in_place};
    socket = open(*context);
    const auto where = datagram_io::address_of(socket->endpoint());
    SECTION("that has run") { context->poll(); }
    SECTION("that has not") {}
    context.reset();
    const auto bytes = numbered(10);
    CHECK(socket->send(where, {}, bytes, 10).error == asio::error::bad_descriptor);
    socket->catch_up();
    socket->ring_when_writable(nullptr);
}

TEST_CASE("many threads use one socket") {
    asio::io_context context{2};
    const auto server = open(context);
    const auto client = open(context);
    const auto to = datagram_io::address_of(server->endpoint());
    constexpr unsigned senders = 3;
    constexpr std::size_t each = 200;
    std::vector<std::unique_ptr<Desk>> desks;
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < senders; ++i) {
        desks.push_back(std::make_unique<Desk>(context));
        const auto packet = packet_to(server->add(desks.back()->box).value(), 20);
        threads.emplace_back([&, packet] {
            for (std::size_t sent = 0; sent < each; ++sent) {
                client->send(to, {}, packet, packet.size());
                server->catch_up();
            }
        });
    }
    for (int runner = 0; runner < 2; ++runner) {
        threads.emplace_back([&] { context.run_for(std::chrono::milliseconds{200}); });
    }
    for (auto& thread : threads) thread.join();
    server->catch_up();
    for (auto& desk : desks) CHECK(desk->datagrams().size() == each);
}
