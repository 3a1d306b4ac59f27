#include "sim/arrivals.hpp"

#include <algorithm>
#include <utility>

namespace sim {

using braid::protocol::decode;
using braid::protocol::DeliveryClass;
using braid::protocol::Frame;
using braid::protocol::FrameStatus;
using braid::protocol::FrameType;
using braid::protocol::Framing;

namespace {

// Of messages that may be lost and repeated, no more of the past is remembered (docs/wire.md).
constexpr std::uint64_t remembered = 960;

/// The number nearest to `highest` that ends in these 16 bits.
std::uint64_t nearest(std::uint64_t highest, std::uint64_t low) {
    constexpr std::uint64_t span = 0x10000;
    auto number = highest / span * span + low;
    if (number > highest + span / 2 && number >= span) number -= span;
    if (number + span / 2 < highest) number += span;
    return number;
}

}  // namespace

void Arrivals::opened(const Frame& open) {
    auto& slot = slots_[open.slot];
    const auto id = static_cast<std::uint64_t>(open.id);
    if (slot.stream == id) return;
    const bool first = !slot.stream;
    slot.stream = id;
    auto& stream = streams_[id];
    stream.delivery = braid::protocol::delivery_class(static_cast<braid::Promises>(open.promises));
    stream.waits = open.reorder_wait_ms != 0;
    // A slot that is used again may have been sent late messages of the stream before.
    if (first) {
        for (const auto& piece : std::exchange(slot.early, {})) add(id, piece);
    }
    slot.early.clear();
}

void Arrivals::stored(std::span<const std::byte> unit) {
    ++unit_;
    Frame frame;
    while (!unit.empty() && decode(unit, Framing::unit, frame) == FrameStatus::complete) {
        switch (frame.type) {
            case FrameType::open: opened(frame); break;
            case FrameType::message:
            case FrameType::message_long: message(frame); break;
            case FrameType::close: return;
            default: break;
        }
    }
}

void Arrivals::message(const Frame& frame) {
    auto& slot = slots_[frame.slot];
    if (std::exchange(slot.unit, unit_) != unit_) slot.number_known = false;
    Piece piece;
    piece.whole = !frame.fragment;
    piece.begin = frame.offset;
    piece.end = frame.offset + frame.payload.size();
    if (frame.has_total) piece.total = frame.total;
    piece.number = frame.number;
    piece.number_known_whole = frame.type == FrameType::message_long;
    piece.numbered = frame.numbered || slot.number_known;
    if (!frame.numbered && slot.number_known) {
        const bool continues = frame.fragment && frame.offset > 0;
        piece.number = slot.number_next - (continues ? 1 : 0);
        piece.number_known_whole = slot.stream.has_value();
    } else if (frame.type == FrameType::message && slot.stream) {
        piece.number = nearest(streams_[*slot.stream].highest, frame.number);
        piece.number_known_whole = true;
    }
    slot.number_known = piece.numbered;
    slot.number_next = piece.number + 1;
    if (slot.stream) {
        add(*slot.stream, piece);
    } else {
        slot.early.push_back(piece);
    }
}

void Arrivals::add(std::uint64_t id, Piece piece) {
    auto& stream = streams_[id];
    if (touched_.empty() || touched_.back() != id) touched_.push_back(id);
    if (!piece.number_known_whole) piece.number = nearest(stream.highest, piece.number & 0xffff);
    if (piece.numbered) stream.highest = std::max(stream.highest, piece.number + 1);
    if (piece.whole) return complete(stream, piece);
    // Of messages that may be lost, only so many parts are kept: of those that come in one go,
    // with no other of the stream between, there is always room for all. Any other may be
    // delivered or not.
    if (!is_guaranteed(stream.delivery)) {
        std::erase_if(stream.partial, [&](const auto& each) {
            if (each.first == piece.number) return false;
            stream.newest_end = std::max(stream.newest_end, each.first + 1);
            return true;
        });
    }
    auto& partial = stream.partial[piece.number];
    partial.bytes.insert(piece.begin, piece.end);
    if (piece.total) partial.total = piece.total;
    if (!partial.total || !partial.bytes.covers(0, *partial.total)) return;
    stream.partial.erase(piece.number);
    complete(stream, piece);
}

void Arrivals::complete(Stream& stream, const Piece& piece) {
    const auto number = piece.number;
    switch (stream.delivery) {
        case DeliveryClass::unreliable:
            if (!piece.numbered) {
                ++stream.delivered;
            } else if (number + remembered > stream.highest) {
                stream.delivered += stream.whole.insert(number, number + 1);
            }
            return;
        case DeliveryClass::sequenced:
            if (number >= stream.newest_end && !stream.waits) ++stream.delivered;
            stream.newest_end = std::max(stream.newest_end, number + 1);
            return;
        case DeliveryClass::guaranteed:
            stream.delivered += stream.whole.insert(number, number + 1);
            return;
        case DeliveryClass::guaranteed_ordered:
            stream.whole.insert(number, number + 1);
            if (stream.whole.front().begin == 0) stream.delivered = stream.whole.front().end;
            return;
    }
}

std::uint64_t Arrivals::due(std::uint64_t stream) const {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? 0 : found->second.delivered;
}

std::vector<std::uint64_t> Arrivals::take_touched() { return std::exchange(touched_, {}); }

}  // namespace sim
