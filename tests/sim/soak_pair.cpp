#include "sim/soak_pair.hpp"

#include "crypto/mac_cipher.hpp"
#include "sim/check.hpp"
#include "sim/mux_options.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::HandshakeSide;
using braid::protocol::Mux;
using braid::transport::UdpLink;
using braid::transport::UdpLinkOptions;

namespace {

// A process that is busy sees what came in the meantime at once.
constexpr Duration wake_least = 50us;

constexpr std::size_t read_at_once_max = 64;
constexpr int rounds_max = 1'000;
constexpr braid::transport::ConnectionId server_id = 0x1d00'0001;

}  // namespace

SoakPair::SoakPair(const Options& options, Time start, Application application)
    : network_{options.paths, options.seed}, now_{start}, application_{std::move(application)} {
    for (std::size_t side = 0; side < 2; ++side) {
        auto& end = ends_[side];
        end.mux = std::make_unique<Mux>(mux_options(options.limits, side == 0));
        UdpLinkOptions made;
        made.peer_proven = side == 0;
        made.peer = network_.address(1 - side);
        (side == 0 ? made.destination : made.own) = server_id;
        auto ciphers = braid::crypto::make_mac_ciphers(
            side == 0 ? HandshakeSide::dialling : HandshakeSide::accepting, {1}, {2});
        made.sealing = std::move(ciphers.sealing);
        made.opening = std::move(ciphers.opening);
        made.idle = options.limits.idle;
        made.packet_bytes_limit = options.packet_bytes_limit;
        made.seed = options.seed * 2 + side;
        made.handshake_bytes = braid::transport::packet_bytes_base;
        end.link = std::make_unique<UdpLink>(std::move(made), start);
        end.port = &end.mux->attach(end.link->traits(), side == 0, start);
    }
    ends_[0].mux->ping();
}

std::uint64_t SoakPair::packets_sent() const {
    return ends_[0].link->traffic().packets_sent + ends_[1].link->traffic().packets_sent;
}

Time SoakPair::next_event() const {
    auto earliest = std::min(network_.next_arrival(0), network_.next_arrival(1));
    for (const auto& end : ends_) {
        earliest = std::min({earliest, end.link->deadline(), end.mux->deadline()});
    }
    return earliest;
}

void SoakPair::step(Time until) {
    now_ = std::min(until, std::max(next_event(), now_ + wake_least));
    for (std::size_t side = 0; side < 2; ++side) drive(side);
}

void SoakPair::drive(std::size_t side) {
    auto& [mux, link, port] = ends_[side];
    do {
        batch_.clear();
        while (batch_.size() < read_at_once_max) {
            auto datagram = network_.receive(side, now_);
            if (!datagram) break;
            batch_.push_back(std::move(*datagram));
        }
        for (auto& datagram : batch_) link->received(datagram.from, datagram.bytes);
        link->drain(*port, now_);
    } while (batch_.size() == read_at_once_max);
    if (link->deadline() <= now_) {
        link->advance(now_);
        link->drain(*port, now_);
    }
    if (mux->deadline() <= now_) mux->advance(now_);
    application_(side);
    port->set_path(link->path());
    int rounds = 0;
    do {
        require(++rounds < rounds_max, "fill() never comes to an end");
        link->fill(*port, now_);
        write(side);
    } while (link->would_fill(*port, now_));
    check(side);
}

void SoakPair::write(std::size_t side) {
    auto& link = *ends_[side].link;
    while (const auto batch = link.outgoing()) {
        for (auto rest = batch->bytes; !rest.empty();) {
            const auto size = std::min(rest.size(), batch->segment_bytes);
            network_.send(side, batch->to, rest.first(size), now_);
            rest = rest.subspan(size);
        }
        link.sent(batch->bytes.size());
    }
}

void SoakPair::check(std::size_t side) const {
    const auto& [mux, link, port] = ends_[side];
    const auto say = [side](const std::string& what) {
        return [=] { return "side " + std::to_string(side) + ' ' + what; };
    };
    if (const auto error = link->failure()) throw Violation{say("fails: " + error.message())()};
    require(!port->idle_expired(now_), say("gives up a peer that is there"));
    require(link->deadline() > now_, say("has a link whose deadline is not in the future"));
    require(mux->deadline() > now_, say("has a mux whose deadline is not in the future"));
}

}  // namespace sim
