#include "catch.hpp"

#include <braid/address.hpp>
#include <braid/error.hpp>

#include <string>
#include <string_view>
#include <type_traits>

using braid::ConnectAddr;
using braid::errc;
using braid::ListenAddr;
using braid::Transport;

static_assert(!std::is_aggregate_v<ConnectAddr> && !std::is_aggregate_v<ListenAddr>);
static_assert(std::is_convertible_v<const char*, ConnectAddr>);
static_assert(std::is_convertible_v<std::string, ListenAddr>);
static_assert(std::is_convertible_v<std::string_view, ListenAddr>);
static_assert(!std::is_convertible_v<ListenAddr, ConnectAddr>);

TEST_CASE("addresses come from texts") {
    const ConnectAddr name = "tcp://game.example:14004";
    CHECK(name.transport() == Transport::tcp);
    CHECK(name.host() == "game.example");
    CHECK(name.port() == 14004);

    const ConnectAddr ipv4 = std::string{"udp://192.0.2.1:1"};
    CHECK(ipv4.transport() == Transport::udp);
    CHECK(ipv4.host() == "192.0.2.1");

    const ConnectAddr ipv6 = std::string_view{"quic://[2001:db8::1]:65535"};
    CHECK(ipv6.transport() == Transport::quic);
    CHECK(ipv6.host() == "2001:db8::1");
    CHECK(ipv6.port() == 65535);

    const ConnectAddr mpsc = "mpsc://18446744073709551615";
    CHECK(mpsc.transport() == Transport::mpsc);
    CHECK(mpsc.channel() == 18446744073709551615u);
}

TEST_CASE("builders make what texts make") {
    CHECK(ConnectAddr::tcp("localhost", 80) == ConnectAddr{"tcp://localhost:80"});
    CHECK(ConnectAddr::udp("::1", 80) == ConnectAddr{"udp://[::1]:80"});
    CHECK(ListenAddr::quic("0.0.0.0", 0) == ListenAddr{"quic://0.0.0.0:0"});
    CHECK(ListenAddr::mpsc(42) == ListenAddr{"mpsc://42"});
    CHECK(ConnectAddr::mpsc(42) != ConnectAddr::mpsc(43));
    CHECK_THROWS_AS(ConnectAddr::tcp("localhost", 0), braid::ConnectError);
    CHECK_THROWS_AS(ListenAddr::tcp("local host", 1), braid::NetworkError);
}

TEST_CASE("addresses print as the texts that they convert from") {
    for (const char* text :
         {"tcp://localhost:1", "udp://0.0.0.0:0", "quic://[::]:0", "udp://[fe80::1%eth0]:5",
          "tcp://[::ffff:192.0.2.1]:5", "mpsc://0", "tcp://my_host-1.example.:9",
          "tcp://[1:2:3:4:5:6:7:8]:5", "tcp://[1:2:3:4:5:6:7::]:5", "tcp://[2001:db8::]:5"}) {
        CHECK(to_string(ListenAddr{text}) == text);
    }
}

TEST_CASE("port 0 is for listening") {
    CHECK(ListenAddr{"tcp://127.0.0.1:0"}.port() == 0);
    CHECK_THROWS_AS(ConnectAddr{"tcp://127.0.0.1:0"}, braid::ConnectError);
}

TEST_CASE("so is number 0 of the process and the error says where the real one stands") {
    CHECK(ListenAddr::mpsc(0) == ListenAddr{"mpsc://0"});
    CHECK_THROWS_AS(ConnectAddr::mpsc(0), braid::ConnectError);
    try {
        const ConnectAddr refused{"mpsc://0"};
        FAIL(to_string(refused));
    } catch (const braid::ConnectError& error) {
        CHECK(error.code() == errc::address_invalid);
        CHECK(std::string{error.what()}.find("Listener::address()") != std::string::npos);
    }
}

TEST_CASE("what is no address is refused") {
    for (const char* text : {"",
                             "tcp",
                             "tcp:",
                             "tcp:/",
                             "tcp://",
                             "tcp://:",
                             "tcp://:1",
                             "tcp://host",
                             "tcp://host:",
                             "tcp://host:-1",
                             "tcp://host:+1",
                             "tcp://host: 1",
                             "tcp://host:1 ",
                             "tcp://host:65536",
                             "tcp://host:99999999999999999999",
                             "tcp://host:1/path",
                             "tcp://user@host:1",
                             "tcp://ho st:1",
                             "tcp://.host:1",
                             "tcp://-host:1",
                             "tcp://ho..st:1",
                             "TCP://host:1",
                             "sctp://host:1",
                             "://host:1",
                             "host:1",
                             "tcp://1.2.3:1",
                             "tcp://1.2.3.256:1",
                             "tcp://1.2.3.4.5:1",
                             "tcp://01.2.3.4:1",
                             "tcp://1.2.3.:1",
                             "tcp://::1:1",
                             "tcp://[::1:1",
                             "tcp://[::1]",
                             "tcp://[::1]1",
                             "tcp://[]:1",
                             "tcp://[:]:1",
                             "tcp://[:::]:1",
                             "tcp://[1::2::3]:1",
                             "tcp://[12345::]:1",
                             "tcp://[1:2:3:4:5:6:7]:1",
                             "tcp://[1:2:3:4:5:6:7:8:9]:1",
                             "tcp://[1:2:3:4:5:6:7:8::]:1",
                             "tcp://[::g]:1",
                             "tcp://[::1%]:1",
                             "tcp://[127.0.0.1]:1",
                             "tcp://[host]:1",
                             "mpsc://",
                             "mpsc://x",
                             "mpsc://-1",
                             "mpsc://1:2",
                             "mpsc://18446744073709551616"}) {
        INFO(text);
        CHECK_THROWS_AS(ListenAddr{text}, braid::NetworkError);
        CHECK_THROWS_AS(ConnectAddr{text}, braid::ConnectError);
    }
}

TEST_CASE("the error names the text, what is wrong with it, and what a good one looks like") {
    try {
        const ConnectAddr refused{"tcp://host"};
        FAIL(to_string(refused));
    } catch (const braid::ConnectError& error) {
        const std::string what = error.what();
        CHECK(error.code() == errc::address_invalid);
        CHECK(what.find("\"tcp://host\"") != std::string::npos);
        CHECK(what.find("port is missing") != std::string::npos);
        CHECK(what.find("tcp://host:port") != std::string::npos);
    }
    try {
        const ListenAddr refused{std::string(100'000, 'x')};
        FAIL(to_string(refused));
    } catch (const braid::NetworkError& error) {
        CHECK(std::string{error.what()}.size() < 512);
    }
}
