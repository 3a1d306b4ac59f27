#include "sim/datagrams.hpp"

#include "sim/check.hpp"

#include <algorithm>
#include <sstream>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::never;

namespace {

constexpr std::size_t ip_and_udp_bytes = 28;

// Nobody may be sent more than this often what came from there before it proved to be there.
constexpr std::uint64_t amplification_max = 3;

constexpr SocketAddress ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                             std::uint16_t port) {
    SocketAddress address;
    address.ip = {a, b, c, d};
    address.port = port;
    return address;
}

Duration time_of(std::size_t bytes, std::uint64_t rate) {
    return Duration{static_cast<Duration::rep>(1'000'000'000ull * (bytes + ip_and_udp_bytes) /
                                               std::max<std::uint64_t>(rate, 1)) +
                    1};
}

}  // namespace

DatagramNetwork::DatagramNetwork(const std::array<PathOptions, 2>& paths, std::uint64_t seed)
    : random_{seed} {
    for (std::size_t side = 0; side < 2; ++side) directions_[side].path = paths[side];
    hosts_[0].address = ipv4(198, 51, 100, 1, 40'000);
    hosts_[1].address = ipv4(192, 0, 2, 1, 7'000);
}

SocketAddress DatagramNetwork::stranger(std::uint16_t which) {
    return ipv4(203, 0, static_cast<std::uint8_t>(113 + which / 1'000),
                static_cast<std::uint8_t>(which), 9'000);
}

bool DatagramNetwork::is_stranger(const SocketAddress& address) {
    return address.ip[0] == 203 && address.ip[1] == 0;
}

void DatagramNetwork::rebind(std::size_t side, bool other_host) {
    auto& address = hosts_[side].address;
    address.port = static_cast<std::uint16_t>(50'000 + ++ports_given_);
    if (other_host) address.ip[3] = static_cast<std::uint8_t>(2 + hosts_given_++ % 250);
}

Duration DatagramNetwork::some(Duration most) {
    if (most <= Duration::zero()) return Duration::zero();
    return Duration{
        static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(most.count()) + 1))};
}

void DatagramNetwork::send(std::size_t side, const SocketAddress& to,
                           std::span<const std::byte> bytes, Time now) {
    auto& direction = directions_[side];
    ++direction.counters.sent;
    direction.counters.bytes_sent += bytes.size();
    if (is_stranger(to)) {
        auto& account = strangers_of_[side][to];
        account.sent += bytes.size();
        direction.counters.to_strangers += bytes.size();
        require(account.sent <= amplification_max * account.received, [&] {
            return "side " + std::to_string(side) + " sent " + std::to_string(account.sent) +
                   " bytes to an address that never answered, from which " +
                   std::to_string(account.received) + " had come";
        });
        return;
    }
    attack(direction, side, bytes, now);
    carry(direction, 1 - side, to, bytes, now);
}

void DatagramNetwork::carry(Direction& direction, std::size_t target, const SocketAddress& to,
                            std::span<const std::byte> bytes, Time now) {
    const auto& path = direction.path;
    const auto backlog = std::max(direction.free_at - now, Duration::zero());
    const auto queued = static_cast<std::uint64_t>(std::chrono::duration<double>(backlog).count() *
                                                   static_cast<double>(path.rate_bytes_per_second));
    if (bytes.size() > path.bytes_max || queued + bytes.size() > path.queue_bytes) {
        ++direction.counters.dropped;
        return;
    }
    direction.free_at =
        std::max(direction.free_at, now) + time_of(bytes.size(), path.rate_bytes_per_second);
    const bool named = loses_ != nullptr && loses_(loses_context_, 1 - target, bytes);
    if (named || path.cut || loses(direction)) {
        ++direction.counters.lost;
        return;
    }
    const auto& from = hosts_[1 - target].address;
    const auto copies = 1 + (path.duplicated > 0 && random_.chance(path.duplicated) ? 1 : 0);
    for (int copy = 0; copy < copies; ++copy) {
        auto at = direction.free_at + path.delay + some(path.jitter);
        if (path.late > 0 && random_.chance(path.late)) at += some(path.late_by);
        if (copy > 0) at += some(50ms);
        std::vector<std::byte> carried{bytes.begin(), bytes.end()};
        damage(path, carried);
        arrive(target, from, to, std::move(carried), std::max(at, path.held_until));
    }
}

bool DatagramNetwork::loses(Direction& direction) {
    const auto& path = direction.path;
    if (path.burst_begin > 0) {
        direction.bad = random_.chance(direction.bad ? 1 - path.burst_end : path.burst_begin);
        if (direction.bad && random_.chance(path.burst_loss)) return true;
    }
    return path.loss > 0 && random_.chance(path.loss);
}

// UDP's checksum finds most of it; this is what passes.
void DatagramNetwork::damage(const PathOptions& path, std::vector<std::byte>& bytes) {
    if (bytes.empty()) return;
    if (path.corrupted > 0 && random_.chance(path.corrupted)) {
        for (auto flips = random_.between(1, 4); flips > 0; --flips) {
            bytes[random_.below(bytes.size())] ^= std::byte{1} << random_.below(8);
        }
    }
    if (path.truncated > 0 && random_.chance(path.truncated)) {
        bytes.resize(random_.below(bytes.size()));
    }
}

void DatagramNetwork::attack(Direction& direction, std::size_t side,
                             std::span<const std::byte> bytes, Time now) {
    const auto& adversary = direction.adversary;
    const auto target = 1 - side;
    const auto as_peer = hosts_[side].address;
    const auto soon = direction.path.delay;
    if (adversary.copied > 0 && random_.chance(adversary.copied)) {
        const auto at = adversary.copies_first ? now + soon / 2 : now + soon + 50ms;
        // Few addresses, so that each is a candidate again and again.
        inject(target, stranger(strangers_++ % 3), {bytes.begin(), bytes.end()}, at);
    }
    if (adversary.replayed > 0) {
        auto& remembered = direction.remembered;
        remembered.emplace_back(bytes.begin(), bytes.end());
        if (remembered.size() > remembered_max) remembered.pop_front();
        if (random_.chance(adversary.replayed)) {
            const auto from = random_.chance(0.5) ? as_peer : stranger(strangers_++ % 7);
            inject(target, from, remembered[random_.below(remembered.size())], now + some(200ms));
        }
    }
    if (adversary.junk > 0 && random_.chance(adversary.junk)) {
        auto junk = random_.bytes(random_.magnitude(1'400));
        if (!junk.empty() && random_.chance(0.5)) {  // looks like a packet
            const auto head = std::min<std::size_t>({junk.size(), bytes.size(), 6});
            std::copy_n(bytes.begin(), head, junk.begin());
        }
        const auto from = random_.chance(0.5) ? as_peer : stranger(strangers_++ % 7);
        inject(target, from, std::move(junk), now + some(100ms));
    }
    if (adversary.resets > 0 && random_.chance(adversary.resets)) {
        auto reset = random_.bytes(random_.between(21, 42));
        reset[0] = std::byte{0x45};
        inject(target, as_peer, std::move(reset), now + some(100ms));
    }
}

void DatagramNetwork::inject(std::size_t side, const SocketAddress& from,
                             std::vector<std::byte> bytes, Time at) {
    ++directions_[1 - side].counters.injected;
    arrive(side, from, hosts_[side].address, std::move(bytes), at);
}

void DatagramNetwork::arrive(std::size_t side, const SocketAddress& from, const SocketAddress& to,
                             std::vector<std::byte> bytes, Time at) {
    hosts_[side].arriving.push({at, order_++, {from, std::move(bytes)}, to});
}

// The process may be away for long: what does not fit its socket's buffer is dropped.
void DatagramNetwork::take_in(std::size_t side, Time now) {
    auto& host = hosts_[side];
    auto& counters = directions_[1 - side].counters;
    while (!host.arriving.empty() && host.arriving.top().at <= now) {
        // top() is const so that nobody disturbs the order; it is popped at once.
        auto& top = const_cast<Arrival&>(host.arriving.top());
        const bool here = top.to == host.address;
        const auto size = top.datagram.bytes.size() + ip_and_udp_bytes;
        if (here && host.socket_bytes + size <= socket_bytes_max) {
            host.socket_bytes += size;
            host.socket.push_back(std::move(top.datagram));
        } else {
            ++counters.dropped;
        }
        host.arriving.pop();
    }
}

std::optional<DatagramNetwork::Datagram> DatagramNetwork::receive(std::size_t side, Time now) {
    take_in(side, now);
    auto& host = hosts_[side];
    if (host.socket.empty()) return std::nullopt;
    auto datagram = std::move(host.socket.front());
    host.socket.pop_front();
    host.socket_bytes -= datagram.bytes.size() + ip_and_udp_bytes;
    ++directions_[1 - side].counters.received;
    if (is_stranger(datagram.from)) {
        strangers_of_[side][datagram.from].received += datagram.bytes.size();
    }
    return datagram;
}

Time DatagramNetwork::next_arrival(std::size_t side) const {
    const auto& host = hosts_[side];
    if (!host.socket.empty()) return Time{};
    return host.arriving.empty() ? never : host.arriving.top().at;
}

std::string describe(const PathOptions& path) {
    std::ostringstream out;
    out << path.rate_bytes_per_second * 8 / 1'000 << " kbit/s, queue " << path.queue_bytes
        << " B, delay " << path.delay / 1ms << " ms, jitter " << path.jitter / 1us << " us, loss "
        << path.loss << ", bursts " << path.burst_begin << ", duplicated " << path.duplicated
        << ", corrupted " << path.corrupted << ", truncated " << path.truncated << ", late "
        << path.late << " by " << path.late_by / 1ms << " ms, at most " << path.bytes_max << " B";
    return out.str();
}

}  // namespace sim
