#include "net/across.hpp"

#include "net/skipping.hpp"

#include <fcntl.h>
#include <sched.h>

namespace across {

Visit::Visit(const net::NetworkNamespace& where)
    : home_{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)} {
    where.enter();
}

Visit::~Visit() { ::setns(home_.descriptor(), CLONE_NEWNET); }

awaitable<Pair> make_pair(const net::Link& link, std::string scheme, Family family,
                          braid::Limits limits) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network server{executor, with(limits)};
    braid::Network client{executor, with(limits)};
    const auto address = co_await listen(link, server, std::move(scheme), family);
    auto at_client = co_await connect(link, client, address);
    auto at_server = co_await server.connected();
    co_return Pair{std::move(server), std::move(client), std::move(at_server),
                   std::move(at_client)};
}

awaitable<std::string> listen(const net::Link& link, braid::Network& network, std::string scheme,
                              Family family) {
    const std::string v4 = net::far_address;
    const std::string v6 = "[" + std::string(net::far_address_v6) + "]";
    const auto at = family == Family::v4 ? v4 : family == Family::v6 ? v6 : "[::]";
    const auto to = family == Family::v6 ? v6 : v4;
    const Visit visit{link.far()};
    auto listener = co_await network.listen(scheme + "://" + at + ":0");
    co_return scheme + "://" + to + ":" + std::to_string(listener.address().port());
}

awaitable<braid::Participant> connect(const net::Link& link, braid::Network& network,
                                      std::string address) {
    const Visit visit{link.near()};
    co_return co_await network.connect(address, 20s);
}

net::LinkOptions both_ways(const net::LinkShape& shape) {
    net::LinkOptions options;
    options.outbound = shape;
    options.inbound = shape;
    return options;
}

void run(const net::LinkOptions& options, std::function<awaitable<void>(net::Link&)> test) {
    if (!net_test::links_available()) return;
    net::Emulator emulator;
    net::Link& link = emulator.add(options);
    emulator.start();
    // A dialling end that hears nothing makes another socket, wherever the thread is.
    const Visit visit{link.near()};
    trial::run(test(link));
    emulator.stop();
    INFO(emulator.lateness().describe());
    CHECK(emulator.lateness().packets > 0);
}

}  // namespace across
