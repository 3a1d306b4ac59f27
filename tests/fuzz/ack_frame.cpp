// ACK frames from any bytes, against packets sent at any time: what is under way stays what a plain
// list of the packets says.

#include "transport/udp/acknowledgements.hpp"
#include "transport/udp/recovery.hpp"

#include <cstdlib>
#include <map>
#include <span>

using namespace braid::transport;
using braid::protocol::Time;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

struct Fate {
    SentPacket packet;
    bool acked = false;
    bool lost = false;
};

class Trial {
public:
    explicit Trial(std::uint8_t seed) : first_{seed % 4u * 40'000u}, recovery_{first_, seed} {}

    void send(unsigned flags) {
        SentPacket packet;
        packet.number = recovery_.next_number(now_);
        packet.sent_at = now_;
        packet.bytes = 1000 + flags;
        packet.eliciting = (flags & 1) != 0;
        packet.probes_mtu = (flags & 2) != 0;
        packet.token = packet.number + 1;
        recovery_.sent(packet, (flags & 4) != 0);
        fates_[packet.number].packet = packet;
    }

    void wait(unsigned milliseconds) {
        now_ += std::chrono::milliseconds{milliseconds};
        if (recovery_.deadline() > now_) return;
        feedback_.clear();
        recovery_.advance(now_, feedback_);
        note();
    }

    /// False if it is no ACK.
    bool hear(std::span<const std::byte>& in) {
        const auto before = in.size();
        AckFrame frame;
        if (decode_ack(in, recovery_.largest_sent(), frame)) {
            require(in.size() == before);
            return false;
        }
        require(in.size() < before);
        check_shape(frame);
        feedback_.clear();
        const bool honest = !recovery_.on_ack(frame, now_, feedback_);
        if (!honest) require(feedback_.acked.empty() && feedback_.lost.empty());
        require(honest == only_sent(frame));
        for (const auto& packet : feedback_.acked) require(tells_of(frame, packet.number));
        note();
        return true;
    }

    void check() const {
        std::uint64_t in_flight = 0;
        for (const auto& [number, fate] : fates_) {
            if (fate.packet.eliciting && !fate.acked && !fate.lost) in_flight += fate.packet.bytes;
        }
        require(recovery_.bytes_in_flight() == in_flight);
        require((recovery_.deadline() == braid::protocol::never) == (in_flight == 0));
        require(recovery_.loss() >= 0 && recovery_.loss() <= 1);
    }

private:
    static void check_shape(const AckFrame& frame) {
        require(frame.count > 0 && frame.count <= AckFrame::ranges_max);
        for (std::size_t i = 0; i < frame.count; ++i) {
            require(frame.ranges[i].begin < frame.ranges[i].end);
            if (i > 0) require(frame.ranges[i].end < frame.ranges[i - 1].begin);
        }
    }

    static bool tells_of(const AckFrame& frame, std::uint64_t number) {
        for (std::size_t i = 0; i < frame.count; ++i) {
            if (frame.ranges[i].begin <= number && number < frame.ranges[i].end) return true;
        }
        return false;
    }

    bool only_sent(const AckFrame& frame) const {
        for (std::size_t i = 0; i < frame.count; ++i) {
            const auto& range = frame.ranges[i];
            if (range.begin < first_ || range.end > recovery_.largest_sent() + 1) return false;
            for (auto number = range.begin; number < range.end; ++number) {
                if (!fates_.contains(number)) return false;
            }
        }
        return true;
    }

    void note() {
        for (const auto& packet : feedback_.acked) {
            auto& fate = fates_.at(packet.number);
            require(!fate.acked && fate.packet.token == packet.token);
            fate.acked = true;
        }
        for (const auto& packet : feedback_.lost) {
            auto& fate = fates_.at(packet.number);
            require(!fate.acked && !fate.lost && packet.eliciting);
            fate.lost = true;
        }
        check();
    }

    std::uint64_t first_;
    Time now_{std::chrono::seconds{1}};
    Recovery recovery_;
    Recovery::Feedback feedback_;
    std::map<std::uint64_t, Fate> fates_;
};

}  // namespace

// The first byte is the seed. Then: 00 to 0f, an ACK; below 80, packets; else time passes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 500) return 0;
    Trial trial{data[0]};
    std::span in{reinterpret_cast<const std::byte*>(data) + 1, size - 1};
    while (!in.empty()) {
        const auto first = std::to_integer<unsigned>(in[0]);
        if (first < 0x10 && trial.hear(in)) continue;
        in = in.subspan(1);
        if (first < 0x10) continue;
        if (first < 0x80) {
            for (auto i = first >> 4; i > 0; --i) trial.send(first & 7);
            trial.check();
        } else {
            trial.wait(first & 0x7f);
        }
    }
    return 0;
}
