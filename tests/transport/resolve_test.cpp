#include "transport/resolve.hpp"

#include "catch.hpp"

#include <asio/ip/tcp.hpp>

#include <string>
#include <vector>

using namespace braid;
using namespace braid::transport;
using asio::ip::make_address;
using asio::ip::tcp;

namespace {

tcp::resolver::results_type found(const std::vector<std::string>& hosts) {
    std::vector<tcp::endpoint> endpoints;
    for (const auto& host : hosts) endpoints.emplace_back(make_address(host), 7);
    return tcp::resolver::results_type::create(endpoints.begin(), endpoints.end(), "name", "7");
}

std::vector<std::string> hosts(const std::vector<tcp::endpoint>& endpoints) {
    std::vector<std::string> result;
    for (const auto& each : endpoints) result.push_back(each.address().to_string());
    return result;
}

}  // namespace

TEST_CASE("a host that is a number needs no look-up") {
    CHECK(numeric_host(ConnectAddr{"udp://192.0.2.1:7"}) == make_address("192.0.2.1"));
    CHECK(numeric_host(ConnectAddr{"tcp://[2001:db8::1]:7"}) == make_address("2001:db8::1"));
    CHECK_FALSE(numeric_host(ConnectAddr{"tcp://game.example:7"}));
}

TEST_CASE("who dials the address of a listener at all addresses reaches this machine") {
    CHECK(numeric_peer(ConnectAddr{"udp://0.0.0.0:7"}) == make_address("127.0.0.1"));
    CHECK(numeric_peer(ConnectAddr{"udp://[::]:7"}) == make_address("::1"));
    CHECK(numeric_peer(ConnectAddr{"udp://192.0.2.1:7"}) == make_address("192.0.2.1"));
    CHECK_FALSE(numeric_peer(ConnectAddr{"udp://game.example:7"}));
}

TEST_CASE("address families take turns and the first one found begins") {
    const auto result = found({"2001:db8::1", "2001:db8::2", "192.0.2.1", "2001:db8::3"});
    CHECK(hosts(take_turns(result)) ==
          std::vector<std::string>{"2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"});
    CHECK(hosts(ipv4_first(result)) ==
          std::vector<std::string>{"192.0.2.1", "2001:db8::1", "2001:db8::2", "2001:db8::3"});
}

TEST_CASE("only so many endpoints of a name are tried") {
    const std::vector<std::string> many(40, "192.0.2.1");
    CHECK(take_turns(found(many)).size() == endpoints_max);
}

TEST_CASE("peers have addresses to read and hosts to count") {
    CHECK(text_of(Transport::udp, make_address("2001:db8::1"), 7) == "udp://[2001:db8::1]:7");
    CHECK(text_of(Transport::tcp, make_address("::ffff:192.0.2.1"), 7) == "tcp://192.0.2.1:7");
    CHECK(host_of(make_address("::ffff:192.0.2.1")) == "192.0.2.1");
    CHECK(host_of(make_address("127.0.0.1")).empty());
    CHECK(host_of(make_address("::1")).empty());
}
