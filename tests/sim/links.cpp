#include "sim/links.hpp"

#include "sim/check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace sim {

using namespace std::chrono_literals;
using braid::protocol::FrameWriter;
using braid::protocol::Framing;
using braid::protocol::never;

namespace {

constexpr std::size_t segment_bytes = 1'460;

// Room in which any frame fits, or a piece of it: who has something to say says something.
constexpr std::size_t ample_bytes = 1'024;

constexpr std::array read_bytes{std::size_t{1},   std::size_t{2},   std::size_t{7},
                                std::size_t{100}, std::size_t{700}, std::size_t{100'000}};

}  // namespace

void print_frames(std::span<const std::byte> bytes, const void* link, Time now) {
    static const bool wanted = std::getenv("BRAID_SIM_TRACE") != nullptr;
    if (!wanted) return;
    braid::protocol::Frame frame;
    while (!bytes.empty() &&
           decode(bytes, Framing::unit, frame) == braid::protocol::FrameStatus::complete) {
        std::printf(
            "%9.3f ms link %p type %02x slot %llu number %llu offset %llu total %llu "
            "value %llu bytes %zu ended %d\n",
            std::chrono::duration<double, std::milli>(now.time_since_epoch()).count() - 1e6, link,
            static_cast<unsigned>(frame.type), static_cast<unsigned long long>(frame.slot),
            static_cast<unsigned long long>(frame.number),
            static_cast<unsigned long long>(frame.offset),
            static_cast<unsigned long long>(frame.total),
            static_cast<unsigned long long>(frame.value), frame.payload.size(), int{frame.ended});
    }
}

void SimulatedLink::record_frames(std::span<const std::byte> bytes, Time now) {
    print_frames(bytes, this, now);
    record(bytes, now);
}

void SimulatedLink::record(std::span<const std::byte> bytes, Time now) {
    bytes_sent_ += bytes.size();
    trace_ ^= static_cast<std::uint64_t>(now.time_since_epoch().count());
    for (std::size_t i = 0; i < bytes.size(); i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i));
        trace_ = (trace_ ^ word) * 0x9e3779b97f4a7c15u;
        trace_ ^= trace_ >> 29;
    }
}

void ByteStreamLink::fill(FrameSource& source, Time now) {
    while (!dead_) {
        const auto held = unsent_.size() - unsent_begin_;
        if (held >= options_.unsent_bytes_max) return;
        const auto room = options_.unsent_bytes_max - held;
        pull(source, std::max(room, ample_bytes), now);
        if (unsent_.size() - unsent_begin_ == held) {
            require(!source.pending(now), "fill() wrote nothing, and yet something is pending");
            return;
        }
        transmit(now);
    }
}

void ByteStreamLink::pull(FrameSource& source, std::size_t budget, Time now) {
    std::vector<std::byte> buffer(std::max(ample_bytes, random_.below(budget + 1)));
    std::vector<FrameWriter::Reference> references;
    FrameWriter writer{buffer, budget, references};
    const bool pending = source.pending(now);
    require(source.fill(writer, now) == 0, "a lossless link needs no token");
    require(pending || writer.written() == 0, "nothing was pending, and yet fill() wrote");
    require(writer.written() <= budget, "fill() wrote more than the budget");
    const auto start = unsent_.size();
    std::size_t at = 0;
    const auto copy = [&](std::span<const std::byte> bytes) {
        unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
    };
    for (const auto& reference : references) {
        copy(std::span{buffer}.subspan(at, reference.position - at));
        copy(reference.bytes);
        at = reference.position;
    }
    copy(std::span{buffer}.subspan(at, writer.copied() - at));
    record_frames(std::span{unsent_}.subspan(start), now);
}

void ByteStreamLink::transmit(Time now) {
    while (unsent_begin_ < unsent_.size() && free_at_ <= now && !dead_) {
        const auto size = std::min(segment_bytes, unsent_.size() - unsent_begin_);
        const auto from = unsent_.begin() + static_cast<std::ptrdiff_t>(unsent_begin_);
        free_at_ = std::max(free_at_, now) + time_of(size);
        auto& arriving = static_cast<ByteStreamLink*>(peer_)->arriving_;
        arriving.emplace(free_at_ + options_.delay,
                         std::vector(from, from + static_cast<std::ptrdiff_t>(size)));
        unsent_begin_ += size;
    }
    if (unsent_begin_ * 2 < unsent_.size()) return;
    unsent_.erase(unsent_.begin(), unsent_.begin() + static_cast<std::ptrdiff_t>(unsent_begin_));
    unsent_begin_ = 0;
}

void ByteStreamLink::drain(FrameSink& sink, Time now) {
    while (!arriving_.empty() && arriving_.begin()->first <= now && !failure_) {
        const auto bytes = std::move(arriving_.begin()->second);
        arriving_.erase(arriving_.begin());
        for (std::size_t at = 0; at < bytes.size() && !failure_;) {
            auto size = bytes.size() - at;
            if (options_.split) size = std::min<std::size_t>(size, random_.pick(read_bytes));
            const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at);
            received_.insert(received_.end(), from, from + static_cast<std::ptrdiff_t>(size));
            at += size;
            offer(sink, now);
        }
    }
}

void ByteStreamLink::offer(FrameSink& sink, Time now) {
    const auto receipt = sink.receive(received_, Framing::stream, now);
    require(receipt.consumed <= received_.size(), "consumed more than there was");
    require(receipt.stored, "a lossless link cannot take back what it delivered");
    failure_ = receipt.error;
    received_.erase(received_.begin(),
                    received_.begin() + static_cast<std::ptrdiff_t>(receipt.consumed));
}

Time ByteStreamLink::deadline() const noexcept {
    auto earliest = never;
    if (unsent_begin_ < unsent_.size() && !dead_) earliest = free_at_;
    if (!arriving_.empty()) earliest = std::min(earliest, arriving_.begin()->first);
    return earliest;
}

void ByteStreamLink::die(bool vanish) {
    SimulatedLink::die(vanish);
    unsent_.clear();
    unsent_begin_ = 0;
    if (vanish) arriving_.clear();
}

void DatagramLink::fill(FrameSource& source, Time now) {
    while (free_at_ <= now) {
        const auto size =
            options_.unit_bytes != 0 ? options_.unit_bytes : random_.between(300, 1'400);
        std::vector<std::byte> buffer(size);
        FrameWriter writer{buffer};
        const bool pending = source.pending(now);
        const auto token = source.fill(writer, now);
        require(pending || writer.written() == 0, "nothing was pending, and yet fill() wrote");
        if (writer.written() == 0) {
            require(token == 0, "a token for an empty unit");
            require(!source.pending(now), "fill() wrote nothing, and yet something is pending");
            break;
        }
        require(token != 0, "a unit without a token");
        buffer.resize(writer.written());
        record_frames(buffer, now);
        free_at_ = std::max(free_at_, now) + time_of(buffer.size(), options_.send_rate_factor);
        send({std::move(buffer), token}, now);
    }
    wanted_more_ = source.pending(now);
}

void DatagramLink::send(Unit unit, Time now) {
    path_free_at_ = std::max(path_free_at_, now) + time_of(unit.bytes.size());
    if (dead_) return;
    if (loses(unit.bytes, path_free_at_, now)) {
        const auto noticed = path_free_at_ + 2 * options_.delay + options_.jitter + some(100ms);
        feedback_.emplace(noticed, Feedback{unit.token, false});
        return;
    }
    auto arrives = path_free_at_ + options_.delay + some(options_.jitter);
    if (random_.chance(options_.spikes)) arrives += 300ms;
    static_cast<DatagramLink*>(peer_)->arriving_.emplace(arrives, std::move(unit));
}

bool DatagramLink::loses(std::span<const std::byte> bytes, Time departs, Time now) {
    if (options_.loses && options_.loses(bytes)) return true;
    if (departs - now > options_.queue_time_max) {
        path_free_at_ -= time_of(bytes.size());
        return true;
    }
    in_burst_ = in_burst_ ? random_.chance(7.0 / 8) : random_.chance(options_.bursts);
    return in_burst_ || random_.chance(options_.loss);
}

void DatagramLink::drain(FrameSink& sink, Time now) {
    while (!arriving_.empty() && arriving_.begin()->first <= now && !failure_) {
        const auto unit = std::move(arriving_.begin()->second);
        arriving_.erase(arriving_.begin());
        const auto receipt = sink.receive(unit.bytes, Framing::unit, now);
        failure_ = receipt.error;
        units_not_stored_ += receipt.stored ? 0 : 1;
        static_cast<DatagramLink*>(peer_)->settle(unit.token, receipt.stored, now);
    }
    while (!feedback_.empty() && feedback_.begin()->first <= now) {
        const auto feedback = feedback_.begin()->second;
        feedback_.erase(feedback_.begin());
        feedback.acked ? sink.acked(feedback.token, now) : sink.lost(feedback.token, now);
    }
}

// What the other end did with a unit of ours travels back to us.
void DatagramLink::settle(FrameToken token, bool stored, Time now) {
    if (dead_) return;
    const auto heard = now + options_.delay + some(options_.jitter + 25ms);
    // An acknowledgement names all that arrived before: one that is late makes later ones late, and
    // who misses it for good hears of nothing older that came after.
    auto acked = std::max(heard, acked_last_);
    if (!stored || token < never_acked_) {
        feedback_.emplace(heard + some(100ms), Feedback{token, false});
        return;
    }
    if (random_.chance(options_.spurious)) {
        const auto given_up = heard + some(50ms);
        feedback_.emplace(given_up, Feedback{token, false});
        if (!random_.chance(0.5)) {
            never_acked_ = token;
            return;
        }
        acked = std::max(acked, given_up + some(200ms) + 1ns);
    }
    acked_last_ = acked;
    feedback_.emplace(acked, Feedback{token, true});
}

Time DatagramLink::deadline() const noexcept {
    auto earliest = wanted_more_ ? free_at_ : never;
    if (!arriving_.empty()) earliest = std::min(earliest, arriving_.begin()->first);
    if (!feedback_.empty()) earliest = std::min(earliest, feedback_.begin()->first);
    return earliest;
}

void DatagramLink::die(bool vanish) {
    SimulatedLink::die(vanish);
    feedback_.clear();
    if (vanish) arriving_.clear();
}

std::unique_ptr<SimulatedLink> make_link(const LinkOptions& options, std::uint64_t seed) {
    if (options.lossless) return std::make_unique<ByteStreamLink>(options, seed);
    return std::make_unique<DatagramLink>(options, seed);
}

std::string describe(const LinkOptions& options) {
    std::ostringstream out;
    out << (options.lossless ? "byte stream" : "datagrams") << ' '
        << options.rate_bytes_per_second * 8 / 1'000 << " kbit/s, delay " << options.delay / 1ms
        << " ms";
    if (options.lossless) {
        out << ", unsent " << options.unsent_bytes_max << (options.split ? ", split" : "");
    } else {
        out << ", unit " << options.unit_bytes << ", loss " << options.loss << ", bursts "
            << options.bursts << ", spikes " << options.spikes << ", spurious " << options.spurious
            << ", jitter " << options.jitter / 1ms << " ms, send rate x"
            << options.send_rate_factor;
    }
    return out.str();
}

}  // namespace sim
