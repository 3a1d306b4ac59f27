#include "sim/check.hpp"
#include "sim/random.hpp"
#include "sim/soak.hpp"
#include "sim/soak_lane.hpp"
#include "transport/udp/connection_ids.hpp"
#include "transport/udp/dialling.hpp"
#include "transport/udp/gate.hpp"

#include <array>
#include <map>
#include <string>

namespace sim {

using namespace std::chrono_literals;
using namespace braid::transport;
using braid::Promises;
using braid::protocol::Stream;
using braid::protocol::StreamChange;

namespace {

// At home, by wireless.
PathOptions home_path() {
    PathOptions path;
    path.rate_bytes_per_second = 2'500'000;
    path.queue_bytes = 250'000;
    path.delay = 25ms;
    path.jitter = 2ms;
    path.loss = 0.01;
    path.duplicated = 0.001;
    return path;
}

constexpr auto day = 24h;

// At the beginning of each day, to see that all is as quick as on the first one.
constexpr std::uint32_t transfer_bytes = 1u << 20;
constexpr unsigned transfer_messages = 4;

constexpr auto newcomer_every = 10min;
// So that in the end each id has been given before.
constexpr unsigned ids_each_time = 300;

/// A server's door, on a day on which strangers need a cookie.
class Visitors {
public:
    explicit Visitors(std::uint64_t seed)
        : gate_{{secret(1), secret(2)}, cookies_always()}, ids_{{}, 512}, attempt_{seed} {}

    /// One comes, is told to come back with a cookie, and is let in.
    void visit(Time now, SoakReport& report) {
        Dialling dialling{++attempt_, message(1), now};
        const auto from = DatagramNetwork::stranger(static_cast<std::uint16_t>(attempt_ % 500));
        const auto retry = knock(dialling, from, now);
        require(retry.decision == Gate::Decision::answer, "a stranger without a cookie came in");
        dialling.received(retry.answer, now + 50ms);
        const auto admitted = knock(dialling, from, now + 50ms);
        require(admitted.decision == Gate::Decision::admit,
                "a stranger with a cookie was left out");
        auto answer = message(2);
        answer.terms.connection_id = *ids_.add(attempt_);
        answer.terms.reset_token.emplace();
        const auto accept = encode_accept(attempt_, answer);
        gate_.accepted(admitted.newcomer->key, accept);
        require(dialling.received(accept, now + 100ms) == Dialling::State::accepted,
                "an ACCEPT was not understood");
        require(*ids_.find(*dialling.peer().terms.connection_id) == attempt_,
                "a connection id leads to another connection");
        gate_.confirmed(admitted.newcomer->key);
        ids_.remove(*dialling.peer().terms.connection_id);
        for (unsigned i = 0; i < ids_each_time; ++i) ids_.remove(*ids_.add(i));
        require(ids_.size() == 0 && gate_.half_open() == 0, "a stranger who left is remembered");
        ++report.handshakes;
    }

private:
    static GateLimits cookies_always() {
        GateLimits limits;
        limits.cookies = CookiePolicy::always;
        return limits;
    }

    static braid::crypto::Secret secret(unsigned letter) {
        braid::crypto::Secret made;
        made.fill(static_cast<std::byte>(letter));
        return made;
    }

    static PlainMessage message(unsigned letter) {
        PlainMessage made;
        made.hello.pid = braid::Pid::numbered(letter);
        made.hello.application_name = "soak";
        made.hello.stream_credit = 1u << 18;
        made.hello.participant_credit = 1u << 20;
        made.hello.streams = 256;
        made.hello.message_bytes_max = 1u << 24;
        made.hello.idle_ms = 15'000;
        made.terms.datagram_bytes_max = 2'048;
        made.terms.ack_delay_max = 5ms;
        return made;
    }

    Gate::Verdict knock(Dialling& dialling, const SocketAddress& from, Time now) {
        const auto initial = dialling.outgoing(now);
        require(!initial.empty(), "a stranger says nothing");
        const auto verdict = gate_.handshake(from, initial, now);
        dialling.sent(now);
        return verdict;
    }

    Gate gate_;
    ConnectionIds<std::uint64_t> ids_;
    AttemptId attempt_;
};

class Years {
public:
    explicit Years(const SoakOptions& options)
        : content_{options.seed},
          random_{options.seed + 1},
          visitors_{options.seed},
          pair_{{{home_path(), home_path()}, options.seed, {}},
                Time{1s},
                [this](std::size_t side) { work(side); }},
          watch_{pair_, options} {}

    SoakReport run(unsigned days) {
        open(0, {1, 0, 100'000});
        const auto began = pair_.now();
        std::optional<Duration> first;
        unsigned told = 0;
        for (unsigned today = 1; today <= days; ++today) {
            const auto took = transfer();
            if (!first) first = took;
            require(took < 3 * *first, [&] {
                return "a transfer takes " + std::to_string(took / 1ms) + " ms instead of " +
                       std::to_string(*first / 1ms);
            });
            while (pair_.now() < began + today * day) pass_an_hour();
            if (today * 50 / days == told) continue;
            told = today * 50 / days;
            watch_.tell();
        }
        return watch_.report();
    }

private:
    /// A stream that side 0 opened: what it says, and what comes back.
    struct Talk {
        std::array<SoakLane, 2> lanes;
        std::array<Stream*, 2> streams{};
        std::array<bool, 2> finished{};
        bool ends = false;  ///< side 1 finishes when it has all
    };

    Talk& open(std::uint64_t tag, const SoakLane::Shape& shape) {
        auto back = shape;
        back.key += 1'000'000;
        auto& talk =
            talks_.emplace(tag, Talk{{SoakLane{content_, shape}, SoakLane{content_, back}}})
                .first->second;
        braid::StreamOptions options;
        options.promises = Promises::ordered | Promises::guaranteed_delivery;
        options.tag = tag;
        talk.streams[0] = pair_.end(0).mux->open(options, pair_.now());
        require(talk.streams[0] != nullptr, "no more streams may be opened");
        return talk;
    }

    /// How long some large messages take.
    Duration transfer() {
        ++tag_;
        auto& talk = open(tag_, {tag_, transfer_bytes, transfer_bytes});
        const auto began = pair_.now();
        for (unsigned i = 0; i < transfer_messages; ++i) say(talk, 0);
        watch_.run_until([&] { return talk.lanes[0].received() == transfer_messages; });
        const auto took = pair_.now() - began;
        finish(tag_);
        return took;
    }

    void pass_an_hour() {
        const auto end = pair_.now() + 1h;
        ++tag_;
        auto& short_talk = open(tag_, {tag_, 0, 3'000});
        for (unsigned i = 0; i < 3; ++i) say(short_talk, 0);
        finish(tag_);
        auto next_word = pair_.now();
        if (++hours_ % 12 == 0) pair_.network().rebind(0, hours_ % 24 == 0);
        while (pair_.now() < end) {
            visitors_.visit(pair_.now(), watch_.report());
            if (next_word <= pair_.now()) {
                auto& talk = talks_.at(0);
                for (std::size_t side = 0; side < 2; ++side) {
                    if (talk.streams[side] != nullptr) say(talk, side);
                }
                next_word = pair_.now() + random_.between(5, 40) * 1min;
            }
            pair_.run_until(pair_.now() + newcomer_every);
        }
        require(talks_.size() == 1, "a stream that is over is still there");
        const auto& talk = talks_.at(0);
        for (const auto& lane : talk.lanes) {
            require(lane.received() == lane.sent(), "a message has not come for minutes");
        }
        for (std::size_t side = 0; side < 2; ++side) {
            require(pair_.end(side).mux->stream_count() == 1, "a mux remembers streams");
        }
        watch_.check_memory();
    }

    void say(Talk& talk, std::size_t side) {
        talk.lanes[side].send(*pair_.end(side).mux, *talk.streams[side], pair_.now());
    }

    void finish(std::uint64_t tag) {
        auto& talk = talks_.at(tag);
        talk.ends = true;
        talk.finished[0] = true;
        pair_.end(0).mux->finish(*talk.streams[0], pair_.now());
    }

    void work(std::size_t side) {
        auto& mux = *pair_.end(side).mux;
        mux.take_changed(changed_);
        for (auto* const stream : changed_) {
            const auto changes = std::exchange(stream->changes, std::uint8_t{0});
            const auto found = talks_.find(stream->options.tag);
            require(found != talks_.end(), "a stream that nobody opened");
            changed(found->second, side, *stream, changes);
            if (found->second.streams == std::array<Stream*, 2>{} && found->second.ends) {
                ++watch_.report().streams;
                talks_.erase(found);
            }
        }
    }

    void changed(Talk& talk, std::size_t side, Stream& stream, std::uint8_t changes) {
        const auto has = [changes](StreamChange change) {
            return (changes & static_cast<std::uint8_t>(change)) != 0;
        };
        auto& mux = *pair_.end(side).mux;
        if (has(StreamChange::opened)) talk.streams[side] = &stream;
        talk.lanes[1 - side].receive(mux, stream, watch_.report());
        stream.outbound.take_freed_bytes();
        if (!stream.inbound.ended()) return;
        require(talk.lanes[1 - side].received() == talk.lanes[1 - side].sent(),
                "a stream ended before all had come");
        if (!std::exchange(talk.finished[side], true)) mux.finish(stream, pair_.now());
        if (!stream.send_error) return;
        talk.streams[side] = nullptr;
        mux.release(stream, pair_.now());
    }

    SoakContent content_;
    Random random_;
    Visitors visitors_;
    std::map<std::uint64_t, Talk> talks_;
    std::uint64_t tag_ = 0;
    unsigned hours_ = 0;
    std::vector<Stream*> changed_;
    SoakPair pair_;
    SoakWatch watch_;
};

}  // namespace

SoakReport soak_days(unsigned days, const SoakOptions& options) { return Years{options}.run(days); }

}  // namespace sim
