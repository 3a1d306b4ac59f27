#include "sim/peer.hpp"

#include "protocol/envelope.hpp"
#include "sim/check.hpp"
#include "sim/payload.hpp"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

namespace sim {

using namespace std::chrono_literals;
using braid::Promises;
using braid::protocol::delivery_class;
using braid::protocol::is_guaranteed;
using braid::protocol::MessageQueue;
using braid::protocol::never;
using braid::protocol::StreamChange;

namespace {

constexpr std::uint32_t block_bytes = 16u << 10;

bool compressible(const StreamPlan& plan) {
    return covers(plan.options.promises, Promises::compressed);
}

}  // namespace

Peer::Peer(std::size_t side, const MuxOptions& options, std::uint64_t seed)
    : mux{options}, side_{side}, random_{seed} {}

Peer::~Peer() {
    if (block_ != nullptr) braid::protocol::BlockReference::release(*block_);
}

void Peer::recycle(Block& block) {
    --static_cast<Peer*>(block.home)->blocks_alive_;
    delete[] block.data;
    delete &block;
}

// Small messages share a block as they do in an intake log, large ones have their own.
Block& Peer::room_for(std::size_t bytes) {
    const bool fits = block_ != nullptr && block_->capacity - block_used_ >= bytes;
    if (fits) return *block_;
    auto* const block = new Block{};
    block->capacity = std::max(block_bytes, static_cast<std::uint32_t>(bytes));
    block->data = new std::byte[block->capacity];
    block->recycle = recycle;
    block->home = this;
    block->references = 1;
    ++blocks_alive_;
    if (block_ != nullptr) braid::protocol::BlockReference::release(*block_);
    block_ = block;
    block_used_ = 0;
    return *block;
}

End* Peer::open(StreamPlan& plan, Time now) {
    auto* const stream = mux.open(plan.options, now);
    if (stream == nullptr) return nullptr;
    const auto id = static_cast<std::uint64_t>(stream->id);
    auto& end = ends[id];
    end.plan = &plan;
    end.id = id;
    end.opener = true;
    end.stream = stream;
    end.delivery = delivery_class(plan.options.promises);
    plan.opened = true;
    return &end;
}

bool Peer::send(End& end, std::size_t bytes, Time now) {
    if (end.stream == nullptr || end.finished || end.send_closed) return false;
    note_progress(end);
    const bool full = end.queued_bytes + bytes > mux.options().limits.stream_send_queue_bytes;
    if (is_guaranteed(end.delivery) && full) {
        ++end.refused;
        return false;
    }
    const auto index = end.sent.size();
    const auto promises = end.plan->options.promises;
    std::vector<std::byte> raw(bytes);
    write_payload(end.key(), index, compressible(*end.plan), raw);
    end.sent.push_back(static_cast<std::uint32_t>(bytes));
    end.sent_at.push_back(now);
    const bool enveloped = braid::protocol::has_envelope(promises);
    const auto room = enveloped ? braid::protocol::sealed_bytes_max(bytes) : bytes;
    auto& block = room_for(room);
    auto* const at = block.data + block_used_;
    auto size = bytes;
    if (enveloped) {
        size = braid::protocol::seal(raw,
                                     {.compress = covers(promises, Promises::compressed),
                                      .checksum = covers(promises, Promises::consistency)},
                                     {at, room});
    } else if (!raw.empty()) {
        std::memcpy(at, raw.data(), size);
    }
    end.asked.push_back(random_.chance(end.flow_out().receipts));
    mux.enqueue(*end.stream, block, {block_used_, static_cast<std::uint32_t>(size)}, now,
                end.asked.back());
    end.queued_bytes += size;
    block_used_ += static_cast<std::uint32_t>(size);
    if (end.flow_out().confirm && random_.chance(0.1)) mux.want_confirmation(*end.stream);
    return true;
}

void Peer::finish(End& end, Time now) {
    if (end.stream == nullptr || end.finished) return;
    end.finished = true;
    mux.finish(*end.stream, now);
}

void Peer::end_early(End& end, Ending how, Time now) {
    if (end.stream == nullptr) return;
    auto& cut = end.plan->cut;
    const std::size_t out = end.opener ? 0 : 1;
    switch (how) {
        case Ending::finish: finish(end, now); break;
        case Ending::reset:
            cut[out] = true;
            end.finished = true;
            mux.reset(*end.stream, 7, now);
            break;
        case Ending::stop:
            cut[1 - out] = true;
            mux.stop(*end.stream, 9);
            break;
        case Ending::release:
            finish(end, now);
            release(end, now);
            break;
    }
}

void Peer::release(End& end, Time now) {
    if (end.stream == nullptr) return;
    note_progress(end);
    if (end.send_closed && end.ended) check_settled(end);
    if (!end.ended || end.readable) end.plan->cut[end.opener ? 1 : 0] = true;
    watched_.erase(end.id);
    mux.release(*std::exchange(end.stream, nullptr), now);
}

// Every message ends in exactly one way, and both ends' counters tell the same story.
void Peer::check_settled(End& end) {
    const auto& outbound = end.stream->outbound;
    const auto& out = outbound.counters();
    const auto& in = end.stream->inbound.counters();
    const auto say = [&](const char* what) {
        return [&, what] { return what + (" on " + name(end)); };
    };
    require(outbound.settled(), say("closed with messages queued"));
    require(end.queued_bytes == 0, say("closed with bytes queued"));
    if (end.cut_out()) return;
    require(out.messages_enqueued == end.sent.size(), say("not all was queued"));
    if (is_guaranteed(end.delivery)) {
        require(out.messages_confirmed == out.messages_enqueued, say("not all was confirmed"));
        require(out.messages_dropped == 0, say("a guaranteed message was dropped"));
        require(end.reported.empty() || end.asked == end.reported, say("a receipt is missing"));
    } else {
        require(out.messages_handed_over + out.messages_dropped == out.messages_enqueued,
                say("messages unaccounted for"));
    }
    if (end.cut_in()) return;
    require(end.readable || in.messages_delivered == end.received, say("delivered is not read"));
}

void Peer::release_all(Time now) {
    for (auto& [id, end] : ends) release(end, now);
}

void Peer::run(Time now, std::deque<StreamPlan>& plans) {
    // What reading brings about may change streams again.
    for (auto changes = mux.take_changed(); !changes.empty(); changes = mux.take_changed()) {
        for (auto* const stream : changes) changed(*stream, plans, now);
    }
    for (auto& [id, end] : ends) {
        if (end.stream != nullptr && end.readable && is_time_to_read(end, now)) read(end, now);
        if (end.stream != nullptr && end.send_closed && end.ended && !end.readable) {
            release(end, now);
        }
    }
}

void Peer::changed(Stream& stream, std::deque<StreamPlan>& plans, Time now) {
    const auto id = static_cast<std::uint64_t>(stream.id);
    if (stream.has(StreamChange::opened)) {
        require(!ends.contains(id), "a stream was opened twice");
        require(stream.options.tag < plans.size(), "a stream with a tag that nobody gave");
        auto& plan = plans[stream.options.tag];
        auto& opened = ends[id];
        opened.plan = &plan;
        opened.id = id;
        opened.stream = &stream;
        opened.delivery = delivery_class(plan.options.promises);
        require(stream.options.promises == plan.options.promises, "promises changed on the way");
        require(stream.options.priority == plan.options.priority, "a priority changed on the way");
        trace = (trace ^ id) * 0x9e3779b97f4a7c15u;
        if (plan.refused) {
            plan.cut = {true, true};
            opened.stream = nullptr;
            mux.refuse(stream, 5, now);
            return;
        }
    }
    const auto found = ends.find(id);
    require(found != ends.end(), "a change of a stream that nobody opened");
    auto& end = found->second;
    require(end.stream == &stream, "a change of a stream that was released");
    if (stream.has(StreamChange::delivered)) end.readable = true;
    if (stream.has(StreamChange::progressed)) note_progress(end);
    if (stream.has(StreamChange::send_closed)) {
        end.send_closed = true;
        note_progress(end);
    }
    if (stream.has(StreamChange::ended)) {
        require(stream.inbound.ended(), "said to have ended, but has not");
        end.ended = true;
    }
    stream.changes = 0;
    if (end.readable && is_time_to_read(end, now)) read(end, now);
    if (end.send_closed && end.ended && !end.readable) release(end, now);
}

void Peer::note_progress(End& end) {
    auto& outbound = end.stream->outbound;
    take_receipts(end);
    const auto freed = outbound.take_freed_bytes();
    require(freed <= end.queued_bytes, [&] { return "more freed than queued on " + name(end); });
    end.queued_bytes -= freed;
    const auto& counters = outbound.counters();
    const auto settled =
        counters.messages_confirmed + counters.messages_handed_over + counters.messages_dropped;
    require(counters.messages_enqueued == end.sent.size() || end.send_closed || end.finished,
            [&] { return "not all that was sent was queued on " + name(end); });
    require(settled <= counters.messages_enqueued,
            [&] { return "more settled than queued on " + name(end); });
    require(settled >= end.confirmed, "what was confirmed is not any more");
    end.confirmed = settled;
}

void Peer::take_receipts(End& end) {
    auto* const receipts = end.stream->outbound.receipts();
    if (receipts == nullptr) return;
    braid::protocol::Ring<std::uint64_t> ids;
    receipts->take(ids);
    end.reported.resize(end.sent.size());
    const auto twin = other->ends.find(end.id);
    for (; !ids.empty(); ids.pop_front()) {
        const auto id = ids.front();
        const auto say = [&](const char* what) {
            return [&, what] { return what + (" on " + name(end)) + ' ' + std::to_string(id); };
        };
        require(id < end.sent.size() && end.asked[id], say("a receipt that nobody asked for"));
        require(!end.reported[id], say("a receipt that came twice"));
        end.reported[id] = true;
        require(twin != other->ends.end(), say("a receipt from one who had not heard of it"));
        const auto& there = twin->second;
        const bool ordered = end.delivery == DeliveryClass::guaranteed_ordered;
        const bool reads = there.flow_in().reading == Reading::at_once && !end.cut_out();
        if (!reads || ordered || end.sent[id] == 0) continue;
        require(id < there.seen.size() && there.seen[id], say("a receipt before its message"));
    }
}

void Peer::check_receipts(Time now) {
    for (const auto& [id, each] : ends) {
        const auto& end = each;  // clang 14 lets no lambda have a structured binding
        const auto twin = other->ends.find(id);
        if (end.cut_out() || twin == other->ends.end()) continue;
        if (twin->second.stream != nullptr && twin->second.readable) {
            other->read(twin->second, now);
        }
        const auto& seen = twin->second.seen;
        for (std::size_t index = 0; index < end.reported.size(); ++index) {
            if (!end.reported[index] || end.sent[index] == 0) continue;
            require(index < seen.size() && seen[index], [&] {
                return "a receipt for what was lost on " + name(end) + ' ' + std::to_string(index) +
                       " of " + std::to_string(end.sent.size()) + " class " +
                       std::to_string(static_cast<int>(end.delivery)) + " tag " +
                       std::to_string(end.plan->options.tag);
            });
        }
    }
}

bool Peer::is_time_to_read(End& end, Time now) {
    if (reads_all_) return true;
    const auto& flow = end.flow_in();
    switch (flow.reading) {
        case Reading::at_once: return true;
        case Reading::never: return false;
        case Reading::late:
        case Reading::in_bursts: break;
    }
    if (end.read_at == Time{}) end.read_at = now + flow.read_every;
    return end.read_at <= now;
}

void Peer::read(End& end, Time now) {
    auto& stream = *end.stream;
    auto& queue = stream.inbound.delivered;
    MessageQueue::Front front;
    std::uint64_t charge = 0;
    // Who reads late takes some, who reads in bursts all.
    auto most = end.flow_in().reading == Reading::late && !reads_all_ ? 3u : ~0u;
    while (most-- > 0 && queue.front(front)) {
        check(end, front.number, front.bytes, now);
        charge += front.charge;
        queue.pop();
    }
    end.readable = !queue.empty();
    end.read_at = Time{};
    if (charge > 0) mux.consume(stream, charge);
}

// The messages of an unreliable or sequenced stream say themselves which they are.
std::uint64_t Peer::index_in_class(End& end, std::uint64_t number,
                                   std::span<const std::byte> bytes) {
    if (is_guaranteed(end.delivery)) return number;
    if (bytes.empty()) return ~std::uint64_t{0};
    require(bytes.size() >= 8, [&] { return "a message of an unknown size on " + name(end); });
    return index_of(bytes);
}

void Peer::check(End& end, std::uint64_t number, std::span<const std::byte> bytes, Time now) {
    require(other->ends.contains(end.id), "a message on a stream that the other never had");
    const auto& sent = other->ends.at(end.id).sent;
    const auto index = index_in_class(end, number, bytes);
    trace = (trace ^ (index + bytes.size())) * 0x9e3779b97f4a7c15u +
            static_cast<std::uint64_t>(now.time_since_epoch().count());
    const auto say = [&](const char* what) {
        return [&, what] {
            return std::string{what} + " on " + name(end) + ", message " + std::to_string(index) +
                   " number " + std::to_string(number) + " of " + std::to_string(sent.size());
        };
    };
    ++end.received;
    if (end.delivery == DeliveryClass::sequenced) {
        require(number >= end.number_next, say("an older message after a newer one"));
        end.number_next = number + 1;
    }
    if (index == ~std::uint64_t{0}) {
        ++end.received_empty;
        const auto empty = std::count(sent.begin(), sent.end(), 0u);
        require(end.received_empty <= static_cast<std::uint64_t>(empty), say("a duplicate"));
        return;
    }
    require(index < sent.size(), say("a message that nobody sent"));
    require(bytes.size() == sent[index], say("another size"));
    if (end.seen.size() <= index) end.seen.resize(index + 1);
    require(!end.seen[index], say("a duplicate"));
    end.seen[index] = true;
    if (end.delivery == DeliveryClass::guaranteed_ordered) {
        require(index + 1 == end.received, say("out of order"));
    }
    std::vector<std::byte> expected(bytes.size());
    write_payload(other->ends.at(end.id).key(), index, compressible(*end.plan), expected);
    require(bytes.empty() || std::memcmp(expected.data(), bytes.data(), bytes.size()) == 0,
            say("other bytes"));
    if (on_delivered) on_delivered(end, index, bytes.size(), now);
}

Time Peer::deadline() const {
    auto earliest = never;
    for (const auto& [id, end] : ends) {
        if (end.stream != nullptr && end.readable && end.read_at != Time{}) {
            earliest = std::min(earliest, end.read_at);
        }
    }
    return earliest;
}

// What must hold at every moment: credit is never exceeded and never taken back, and what is held
// was paid for.
void Peer::check_step(const Peer& there) {
    std::uint64_t held = 0;
    for (auto& [id, end] : ends) {
        if (end.stream == nullptr) continue;
        auto& credit = end.stream->inbound.credit();
        auto& sending = end.stream->outbound.credit();
        auto& watched = watched_[id];
        require(credit.charged() <= credit.announced(), "more received than announced");
        require(sending.used() <= sending.limit(), "more sent than allowed");
        require(credit.announced() >= watched.announced, "credit was taken back");
        require(sending.limit() >= watched.limit, "a limit fell");
        watched = {credit.announced(), sending.limit()};
        if (is_guaranteed(end.delivery)) held += end.stream->inbound.delivered.payload_bytes();
        const auto twin = there.ends.find(id);
        if (twin == there.ends.end() || twin->second.stream == nullptr) continue;
        auto& peer = *twin->second.stream;
        require(sending.limit() <= peer.inbound.credit().announced(),
                "more credit than the other announced");
        require(peer.inbound.credit().charged() <= sending.used() || end.send_closed ||
                    peer.inbound.ended(),
                "the other was charged for more than was sent");
    }
    const auto& limits = mux.options().limits;
    // Compressed messages are charged as they came; they take more when they are out.
    require(held <= (limits.participant_receive_window_bytes_max + 2 * limits.message_bytes) * 8,
            "more is held than the limits allow");
}

void Peer::check_arrivals(Arrivals& arrivals) {
    for (const auto id : arrivals.take_touched()) {
        const auto found = ends.find(id);
        if (found == ends.end() || found->second.stream == nullptr) continue;
        const auto& end = found->second;
        const auto& inbound = end.stream->inbound;
        if (inbound.ended() || end.cut_in()) continue;
        const auto delivered = inbound.counters().messages_delivered;
        require(delivered >= arrivals.due(id), [&] {
            return "of " + std::to_string(arrivals.due(id)) + " messages that are here " +
                   std::to_string(delivered) + " are delivered on " + name(end);
        });
    }
}

std::string Peer::state() {
    std::ostringstream out;
    for (const auto& [id, end] : ends) {
        if (end.stream == nullptr) continue;
        const auto& outbound = end.stream->outbound;
        auto& sending = end.stream->outbound.credit();
        auto& inbound = end.stream->inbound;
        auto& credit = inbound.credit();
        out << "  " << name(end) << ": queued " << outbound.messages_queued() << ", sent "
            << outbound.count() << (outbound.backlogged() ? ", backlogged" : "")
            << (outbound.transmitted() ? "" : ", waiting") << ", credit " << sending.used()
            << " of " << sending.limit() << "; assembled " << inbound.assembled_below() << ", read "
            << end.received << ", charged " << credit.charged() << " of " << credit.announced()
            << ", window " << credit.window() << ", reserved " << credit.reserved() << ", wanted "
            << inbound.reservation_wanted() << (end.send_closed ? ", send closed" : "")
            << (inbound.ended() ? ", ended" : "") << '\n';
    }
    mux.for_each_stream([&](const Stream& stream) {
        const auto id = static_cast<std::uint64_t>(stream.id);
        if (ends.contains(id) && ends.at(id).stream == &stream) return;
        out << "  side " << side_ << " stream " << id << ": released, sent "
            << stream.outbound.count() << ", queued " << stream.outbound.messages_queued()
            << (stream.inbound.ended() ? ", ended" : "") << '\n';
    });
    return out.str();
}

std::string Peer::name(const End& end) const {
    return "side " + std::to_string(side_) + " stream " + std::to_string(end.id);
}

}  // namespace sim
