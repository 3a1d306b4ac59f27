#include "sim/udp_end.hpp"

#include "sim/check.hpp"

#include <cstdlib>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::never;
using braid::transport::UdpLinkOptions;

namespace {

// What a driver reads before it looks at what came of it.
constexpr std::size_t read_at_once_max = 32;

// A fill that finds room again and again without time going on is stuck.
constexpr int rounds_max = 1'000;

constexpr std::array<braid::transport::ConnectionId, 2> ids{0x1d00'0001, 0x1d00'0002};

}  // namespace

UdpEnd::UdpEnd(const UdpOptions& options, std::size_t side,
               std::shared_ptr<DatagramNetwork> network,
               std::array<std::shared_ptr<PacketWatch>, 2> watches, Time now)
    : SimulatedLink{{}, options.seed + side},
      side_{side},
      network_{std::move(network)},
      watches_{std::move(watches)} {
    UdpLinkOptions made;
    made.peer_proven = side == 0;
    made.peer = network_->address(1 - side);
    const bool both = options.client_id;
    if (side == 0 || both) made.destination = ids[1 - side];
    if (side == 1 || both) made.own = ids[side];
    auto sealing = std::make_unique<WatchedCipher>(watches_[side]);
    sealing_ = sealing.get();
    made.sealing = std::move(sealing);
    const bool traced = std::getenv("BRAID_SIM_TRACE") != nullptr;
    watches_[side]->sealed = [this, traced](std::uint64_t, std::span<const std::byte> payload) {
        if (traced) print(payload);
        watch_->sealed(payload);
    };
    watches_[1 - side]->opened = [this](std::uint64_t, std::span<const std::byte>) {
        watch_->opened();
    };
    made.opening = std::make_unique<WatchedCipher>(watches_[1 - side]);
    made.idle = options.idle;
    made.congestion = options.congestion;
    made.fixed_bytes_per_second = options.fixed_bytes_per_second;
    made.packet_bytes_limit = options.packet_bytes_limit;
    made.seed = options.seed * 2 + side;
    made.round_trip_time = options.round_trip_time;
    link_ = std::make_unique<braid::transport::UdpLink>(std::move(made), now);
    watch_ = std::make_unique<UdpWatch>(*link_, watches_[1 - side]);
}

void UdpEnd::print(std::span<const std::byte> payload) const {
    braid::transport::LinkFrames own;
    if (decode_link_frames(payload, link_->recovery().largest_sent(), own)) return;
    print_frames(payload, this, now_);
}

void UdpEnd::fill(FrameSource& source, Time now) {
    now_ = now;
    auto& watched = watch_->watched(source);
    for (int round = 0; !link_->failure(); ++round) {
        require(round < rounds_max, "fill() never comes to an end");
        link_->fill(watched, now);
        watch_->check_filled();
        write(now);
        if (!link_->would_fill(source, now)) break;
    }
    check(now);
}

void UdpEnd::write(Time now) {
    while (const auto batch = link_->outgoing()) {
        require(!batch->bytes.empty() && batch->segment_bytes > 0, "a batch of nothing");
        if (batch->segment_bytes > interface_bytes_) {
            link_->too_big(now);
            continue;
        }
        auto bytes = batch->bytes;
        const auto all = bytes.size();
        while (!bytes.empty()) {
            const auto size = std::min(batch->segment_bytes, bytes.size());
            record(bytes.first(size), now);
            network_->send(side_, batch->to, bytes.first(size), now + behind_);
            bytes = bytes.subspan(size);
        }
        link_->sent(all);
    }
}

void UdpEnd::drain(FrameSink& sink, Time now) {
    do {
        batch_.clear();
        while (batch_.size() < read_at_once_max) {
            auto datagram = network_->receive(side_, now + behind_);
            if (!datagram) break;
            batch_.push_back(std::move(*datagram));
        }
        for (auto& datagram : batch_) link_->received(datagram.from, datagram.bytes);
        link_->drain(watch_->watched(sink), now);
        watch_->check_drained(batch_.size());
    } while (batch_.size() == read_at_once_max && !link_->failure());
    if (link_->failure() == std::errc::connection_aborted) check_over();
}

// The peer has all that was said to it; what the link itself asked, nobody may be there to answer.
void UdpEnd::check_over() {
    require(!link_->recovery().oldest_token(), "over, and yet something is under way");
    require(!link_->outgoing(), "over, and yet something is to leave");
}

void UdpEnd::check(Time now) {
    require(!sealing_->reused(), "a packet's number was used before");
    if (link_->failure()) return;
    require(link_->deadline() > now, "a link's deadline that is not in the future");
}

Time UdpEnd::deadline() const noexcept {
    const auto arrives = network_->next_arrival(side_);
    if (link_->failure()) return never;
    return std::min(link_->deadline(), arrives == never ? never : arrives - behind_);
}

UdpWay make_udp_way(const UdpOptions& options, Time now) {
    UdpWay way;
    way.network = std::make_shared<DatagramNetwork>(options.paths, options.seed);
    for (std::size_t side = 0; side < 2; ++side) {
        way.watches[side] = std::make_shared<PacketWatch>();
        way.watches[side]->key = options.seed * 2 + side + 1;
        way.watches[side]->tag_bytes = options.tag_bytes;
    }
    for (std::size_t side = 0; side < 2; ++side) {
        way.ends[side] = std::make_unique<UdpEnd>(options, side, way.network, way.watches, now);
    }
    return way;
}

}  // namespace sim
