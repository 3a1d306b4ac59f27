#include "net/emulator.hpp"

#include "catch.hpp"
#include "net/skipping.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using net_test::links_available;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::size_t header_bytes = 28;  // of IPv4 and UDP

/// A UDP socket in a namespace, IPv4 or IPv6 as its address says.
class Datagrams {
public:
    Datagrams(const net::NetworkNamespace& where, const char* address) {
        where.run([&] { open(address); });
    }

    void send(const Datagrams& to, std::uint32_t number, std::size_t bytes = 100) {
        send_to(to.address_, number, bytes);
    }
    void answer(std::uint32_t number) { send_to(last_source_, number, 100); }

    /// The number of the next one, or `none` if it takes too long.
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    std::uint32_t receive(std::chrono::milliseconds at_most = 500ms) {
        pollfd poll{file_.descriptor(), POLLIN, 0};
        if (::poll(&poll, 1, static_cast<int>(at_most.count())) != 1) return none;
        std::array<char, 2048> buffer;
        socklen_t size = sizeof last_source_;
        const auto count = ::recvfrom(file_.descriptor(), buffer.data(), buffer.size(), 0,
                                      reinterpret_cast<sockaddr*>(&last_source_), &size);
        REQUIRE(count >= 4);
        std::uint32_t number = 0;
        std::memcpy(&number, buffer.data(), sizeof number);
        return number;
    }

    std::vector<std::uint32_t> receive_all(std::chrono::milliseconds silence = 200ms) {
        std::vector<std::uint32_t> numbers;
        for (auto number = receive(silence); number != none; number = receive(silence)) {
            numbers.push_back(number);
        }
        return numbers;
    }

    std::uint16_t port_of_last_source() const {
        return ntohs(reinterpret_cast<const sockaddr_in&>(last_source_).sin_port);
    }
    std::uint16_t port() const {
        return ntohs(reinterpret_cast<const sockaddr_in&>(address_).sin_port);
    }

private:
    void open(const char* address) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address_);
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address_);
        const bool is_v6 = std::strchr(address, ':') != nullptr;
        address_.ss_family = is_v6 ? AF_INET6 : AF_INET;
        void* target = is_v6 ? static_cast<void*>(&v6.sin6_addr) : &v4.sin_addr;
        REQUIRE(::inet_pton(address_.ss_family, address, target) == 1);
        file_ = net::File(::socket(address_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        socklen_t size = sizeof address_;
        REQUIRE(::bind(file_.descriptor(), reinterpret_cast<sockaddr*>(&address_), size) == 0);
        REQUIRE(::getsockname(file_.descriptor(), reinterpret_cast<sockaddr*>(&address_), &size) ==
                0);
    }

    void send_to(const sockaddr_storage& to, std::uint32_t number, std::size_t bytes) {
        std::vector<char> content(bytes);
        std::memcpy(content.data(), &number, sizeof number);
        const socklen_t size =
            to.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
        REQUIRE(::sendto(file_.descriptor(), content.data(), content.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), size) > 0);
    }

    net::File file_;
    sockaddr_storage address_{};
    sockaddr_storage last_source_{};
};

net::LinkOptions both_ways(const net::LinkShape& shape) {
    net::LinkOptions options;
    options.outbound = shape;
    options.inbound = shape;
    return options;
}

}  // namespace

TEST_CASE("a link delays each way over IPv4 and IPv6") {
    if (!links_available()) return;
    net::Emulator emulator;
    net::LinkShape shape;
    shape.delay = 20ms;
    net::Link& link = emulator.add(both_ways(shape));
    emulator.start();
    for (const auto& [near_at, far_at] : {std::pair{net::near_address, net::far_address},
                                          std::pair{net::near_address_v6, net::far_address_v6}}) {
        Datagrams near(link.near(), near_at);
        Datagrams far(link.far(), far_at);
        const auto begin = Clock::now();
        near.send(far, 1);
        REQUIRE(far.receive() == 1);
        const auto there = Clock::now() - begin;
        far.answer(2);
        REQUIRE(near.receive() == 2);
        const auto both = Clock::now() - begin;
        CHECK(there >= 20ms);
        CHECK(both - there >= 20ms);
    }
    emulator.stop();
    CHECK(emulator.lateness().packets >= 4);
}

TEST_CASE("a link keeps its rate and drops what its queue has no room for") {
    if (!links_available()) return;
    net::Emulator emulator;
    net::LinkShape shape;
    shape.bits_per_second = 4e6;  // 2 ms for 1,000 bytes
    shape.queue_bytes = 30'000;
    net::Link& link = emulator.add(both_ways(shape));
    emulator.start();
    Datagrams near(link.near(), net::near_address);
    Datagrams far(link.far(), net::far_address);
    const auto begin = Clock::now();
    for (std::uint32_t i = 0; i < 60; ++i) near.send(far, i, 1'000 - header_bytes);
    std::vector<std::uint32_t> numbers;
    Clock::duration last{};
    for (auto number = far.receive(); number != Datagrams::none; number = far.receive(200ms)) {
        numbers.push_back(number);
        last = Clock::now() - begin;
    }
    // 30 fit; a few more leave while the 60 are sent.
    CHECK(numbers.size() >= 30);
    CHECK(numbers.size() < 60);
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    CHECK(last >= static_cast<int>(numbers.size()) * 2ms);
    CHECK(numbers.size() + link.outbound().queue_full == 60);
}

TEST_CASE("a link loses what its seed says") {
    if (!links_available()) return;
    net::LinkShape shape;
    shape.loss = 0.3;
    net::LinkOptions options = both_ways(shape);
    options.seed = 11;
    std::vector<std::uint32_t> expected;
    net::Path path(shape, options.seed);
    for (std::uint32_t i = 0; i < 200; ++i) {
        if (path.offer(net::nanoseconds(i), 100 + header_bytes)) expected.push_back(i);
    }
    net::Emulator emulator;
    net::Link& link = emulator.add(options);
    Datagrams near(link.near(), net::near_address);
    Datagrams far(link.far(), net::far_address);
    emulator.start();
    for (std::uint32_t i = 0; i < 200; ++i) near.send(far, i);
    CHECK(far.receive_all() == expected);
    CHECK(link.outbound().offered == 200);
}

TEST_CASE("a link drops what is larger than its MTU without a word") {
    if (!links_available()) return;
    net::Emulator emulator;
    net::LinkShape shape;
    shape.mtu = 1'300;
    net::Link& link = emulator.add(both_ways(shape));
    emulator.start();
    Datagrams near(link.near(), net::near_address);
    Datagrams far(link.far(), net::far_address);
    near.send(far, 1, 1'301 - header_bytes);
    near.send(far, 2, 1'300 - header_bytes);
    CHECK(far.receive_all() == std::vector<std::uint32_t>{2});
    link.reshape({}, {});
    near.send(far, 3, 1'301 - header_bytes);
    CHECK(far.receive_all() == std::vector<std::uint32_t>{3});
}

TEST_CASE("a NAT shows another port and after a rebind a third") {
    if (!links_available()) return;
    net::Emulator emulator;
    net::LinkOptions options;
    options.translate_near = true;
    net::Link& link = emulator.add(options);
    emulator.start();
    Datagrams near(link.near(), net::near_address);
    Datagrams far(link.far(), net::far_address);
    near.send(far, 1);
    REQUIRE(far.receive() == 1);
    const auto first = far.port_of_last_source();
    CHECK(first != near.port());
    far.answer(2);
    CHECK(near.receive() == 2);
    link.rebind();
    far.answer(3);
    CHECK(near.receive(100ms) == Datagrams::none);
    near.send(far, 4);
    REQUIRE(far.receive() == 4);
    CHECK(far.port_of_last_source() != first);
    far.answer(5);
    CHECK(near.receive() == 5);
}

TEST_CASE("a bad loopback is between 127.0.0.1 and itself") {
    if (!links_available()) return;
    net::Emulator emulator;
    net::LinkShape shape;
    shape.delay = 10ms;
    net::Link& link = emulator.add_loopback(shape, 1);
    emulator.start();
    Datagrams one(link.near(), "127.0.0.1");
    Datagrams other(link.near(), "127.0.0.1");
    const auto begin = Clock::now();
    one.send(other, 1);
    REQUIRE(other.receive() == 1);
    CHECK(Clock::now() - begin >= 10ms);
    other.answer(2);
    CHECK(one.receive() == 2);
    CHECK(Clock::now() - begin >= 20ms);
}
