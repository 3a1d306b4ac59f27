#pragma once

#include "api/trial.hpp"
#include "net/emulator.hpp"

#include <functional>
#include <string>

/// Two Networks on one thread, at the two ends of an emulated link. A socket belongs to the
/// namespace that its thread is in when it is made, so that one thread can make them all.
namespace across {

using namespace trial;

enum class Family {
    v4,
    v6,
    both,  ///< listens at all addresses of IPv6 and is dialled by IPv4
};

/// The thread is in that namespace, and comes back to the one that it was in.
class Visit {
public:
    explicit Visit(const net::NetworkNamespace& where);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();

private:
    net::File home_;
};

/// The thread is in the link's namespaces, one after the other, while the two ends meet.
awaitable<Pair> make_pair(const net::Link& link, std::string scheme, Family family = Family::v4,
                          braid::Limits limits = {});

/// The thread is in the far namespace meanwhile.
/// @returns where
awaitable<std::string> listen(const net::Link& link, braid::Network& network, std::string scheme,
                              Family family = Family::v4);

/// The thread is in the near namespace meanwhile.
awaitable<braid::Participant> connect(const net::Link& link, braid::Network& network,
                                      std::string address);

/// The same shape both ways.
net::LinkOptions both_ways(const net::LinkShape& shape);

/// Runs a test in the near namespace of a link, if links can be emulated here, and prints how late
/// the emulator was.
void run(const net::LinkOptions& options, std::function<awaitable<void>(net::Link&)> test);

}  // namespace across
