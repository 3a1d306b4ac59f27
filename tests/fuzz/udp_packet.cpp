// Authentic packets with any contents into a live connection: the key is known here, so that the
// input reaches the inside. Each packet of the input is a length, a step in its number and the
// frames; who receives them fails, or keeps its promises.

#include "protocol/mux.hpp"
#include "sim/packet_watch.hpp"
#include "transport/udp/link.hpp"
#include "transport/udp/packet.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

using namespace braid::protocol;
using namespace braid::transport;
using namespace std::chrono_literals;

namespace {

constexpr ConnectionId own_id = 7;

void require(bool holds) {
    if (!holds) std::abort();
}

MuxOptions mux_options() {
    MuxOptions options;
    options.limits.message_bytes = 60'000;
    options.limits.stream_receive_window_bytes = 4'000;
    options.limits.participant_receive_window_bytes = 16'000;
    options.limits.peer_streams = 6;
    options.peer = {.stream_credit = 4'000,
                    .participant_credit = 16'000,
                    .streams = 6,
                    .message_bytes_max = 60'000,
                    .idle = 15s};
    return options;
}

class Victim {
public:
    Victim() : mux_{mux_options()} {
        UdpLinkOptions options;
        options.peer.port = 1;
        options.own = own_id;
        options.sealing = std::make_unique<sim::WatchedCipher>(sealed_);
        options.opening = std::make_unique<sim::WatchedCipher>(opened_);
        options.idle = 15s;
        link_ = std::make_unique<UdpLink>(std::move(options), now_);
        port_ = &mux_.attach(link_->traits(), false, now_);
        auto* const stream = mux_.open({}, now_);
        block_.data = payload_.data();
        block_.recycle = [](Block&) {};
        mux_.enqueue(*stream, block_, {0, static_cast<std::uint32_t>(payload_.size())}, now_);
        fill();
    }

    bool lives() const { return !link_->failure(); }

    void hear(std::uint64_t step, std::span<const std::uint8_t> frames) {
        number_ += step;
        const auto bytes = std::as_bytes(frames);
        std::vector<std::byte> packet(packet_header_bytes_max);
        packet.resize(encode_packet_header(packet.data(), false, own_id, number_, 4));
        const auto associated = packet_associated_data(packet[0], own_id);
        packet.insert(packet.end(), bytes.begin(), bytes.end());
        std::array<std::byte, sim::WatchedCipher::tag_bytes_max> tag;
        sim::WatchedCipher::write_tag(*opened_, number_, associated, bytes, tag.data());
        packet.insert(packet.end(), tag.begin(), tag.begin() + 8);
        link_->received(peer_, packet);
        link_->drain(*port_, now_);
        run();
    }

    void wait(Duration duration) {
        const auto until = now_ + duration;
        for (int i = 0; i < 100 && lives(); ++i) {
            const auto next = std::min(link_->deadline(), mux_.deadline());
            if (next > until || port_->idle_expired(now_)) break;
            now_ = std::max(now_, next);
            run();
        }
        now_ = until;
    }

private:
    void run() {
        if (!lives()) return;
        if (link_->deadline() <= now_) {
            link_->advance(now_);
            link_->drain(*port_, now_);
        }
        if (mux_.deadline() <= now_) mux_.advance(now_);
        for (auto* const stream : mux_.take_changed()) {
            stream->changes = 0;
            auto& credit = stream->inbound.credit();
            require(credit.charged() <= credit.announced());
        }
        fill();
    }

    void fill() {
        for (int round = 0; lives(); ++round) {
            require(round < 100);
            link_->fill(*port_, now_);
            while (const auto batch = link_->outgoing()) {
                require(batch->to == peer_);
                link_->sent(batch->bytes.size());
            }
            if (!link_->would_fill(*port_, now_)) break;
        }
        if (lives()) require(link_->deadline() > now_);
    }

    Time now_{1'000s};
    std::uint64_t number_ = 0;
    SocketAddress peer_ = [] {
        SocketAddress address;
        address.port = 1;
        return address;
    }();
    std::shared_ptr<sim::PacketWatch> sealed_ = std::make_shared<sim::PacketWatch>();
    std::shared_ptr<sim::PacketWatch> opened_ = std::make_shared<sim::PacketWatch>();
    std::vector<std::byte> payload_ = std::vector<std::byte>(3'000);
    Block block_;
    BlockReference keeper_{block_};
    Mux mux_;
    std::unique_ptr<UdpLink> link_;
    MuxPort* port_ = nullptr;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Victim victim;
    while (size >= 2 && victim.lives()) {
        const std::size_t length = std::min<std::size_t>(data[0], size - 2);
        const auto step = data[1];
        // The lowest bit lets time go on, the others are the step to the next number.
        if ((step & 1u) != 0) victim.wait(Duration{std::uint64_t{step} * 1'000'000});
        victim.hear(step >> 1u, {data + 2, length});
        data += 2 + length;
        size -= 2 + length;
    }
    return 0;
}
