// Many who forge their addresses, at a listener that somebody uses.

#include "api/hostile_memory.hpp"
#include "net/across.hpp"
#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/handshake_sample.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

using namespace across;

namespace {

/// INITIALs from 100.64.0.0/10 to a port of the far end, each of another address and attempt. What
/// is answered reaches the forged address, where nobody listens.
class Flood {
public:
    Flood(const net::Link& link, std::uint16_t port) : port_{port} {
        const Visit visit{link.far()};
        socket_ = net::File{::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)};
        link.far().add_address("lo", "100.64.0.1", 10);
        message_.hello.application_name.clear();
        message_.hello.application_version.clear();
    }

    void send(int count) {
        for (int i = 0; i < count; ++i) send();
    }

private:
    static constexpr std::size_t headers_bytes = sizeof(iphdr) + sizeof(udphdr);

    void send() {
        random_ = random_ * 6364136223846793005u + 1442695040888963407u;
        std::memcpy(message_.hello.pid.bytes.data(), &random_, sizeof random_);
        const auto initial = braid::transport::encode_initial(random_, {}, message_);
        packet_.resize(headers_bytes + initial.size());
        std::copy(initial.begin(), initial.end(), packet_.begin() + headers_bytes);
        iphdr ip{};
        ip.version = 4;
        ip.ihl = sizeof ip / 4;
        ip.ttl = 64;
        ip.protocol = IPPROTO_UDP;
        ip.saddr = htonl(0x64400000u | static_cast<std::uint32_t>(random_ >> 42));
        ::inet_pton(AF_INET, net::far_address, &ip.daddr);
        udphdr udp{};
        udp.source = htons(static_cast<std::uint16_t>(random_ >> 26 | 1024));
        udp.dest = htons(port_);
        udp.len = htons(static_cast<std::uint16_t>(packet_.size() - sizeof ip));
        std::memcpy(packet_.data(), &ip, sizeof ip);
        std::memcpy(packet_.data() + sizeof ip, &udp, sizeof udp);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = ip.daddr;
        const auto sent = ::sendto(socket_.descriptor(), packet_.data(), packet_.size(), 0,
                                   reinterpret_cast<const sockaddr*>(&to), sizeof to);
        REQUIRE(sent == static_cast<ssize_t>(packet_.size()));
    }

    std::uint16_t port_;
    net::File socket_;
    braid::transport::PlainMessage message_ = braid::transport::sample_message();
    std::vector<std::byte> packet_;
    std::uint64_t random_ = 1;
};

}  // namespace

TEST_CASE("hostile 41: a hundred thousand forged INITIALs disturb no participant") {
    run(both_ways({}), [](net::Link& link) -> awaitable<void> {
        const auto executor = co_await asio::this_coro::executor;
        braid::Network server{executor, with({})};
        braid::Network client{executor, with({})};
        const auto address = co_await across::listen(link, server, "udp");
        auto at_client = co_await across::connect(link, client, address);
        auto at_server = co_await server.connected();
        auto asking = co_await at_client.open();
        asking.send(-1);
        auto answering = co_await at_server.opened();
        const auto first = co_await answering.recv<int>();
        CHECK(first == -1);

        // The question comes behind all of its round, so that the socket's buffer holds those.
        constexpr int rounds = 2'000;
        constexpr int forged_in_a_round = 50;
        const hostile::MemoryWatch memory;
        std::size_t settled = 0;
        std::size_t half_open_most = 0;
        Flood flood{link, braid::ConnectAddr{address}.port()};
        for (int round = 0; round < rounds; ++round) {
            flood.send(forged_in_a_round);
            asking.send(round);
            const auto asked = co_await answering.recv<int>();
            answering.send(asked);
            const auto answer = co_await asking.recv<int>();
            REQUIRE(answer == round);
            half_open_most = std::max(half_open_most, server.stats().half_open);
            if (round == rounds / 10) settled = memory.growth();
        }
        constexpr std::size_t without_cookie_max = 64;
        CHECK(half_open_most > without_cookie_max / 2);
        CHECK(half_open_most <= without_cookie_max);
        CHECK(memory.growth() < settled + (1u << 20));
        CHECK(server.stats().participants == 1);

        // Who receives what is sent to its address comes in, by a cookie.
        braid::Network newcomer{executor, with({})};
        auto third = co_await across::connect(link, newcomer, address);
        const auto came = co_await server.connected();
        CHECK(came.pid() == newcomer.pid());
    });
}
