// A source and a sink of frames for tests of links: the source sends what it is told to, the sink
// keeps what it gets.
#pragma once

#include "protocol/frame.hpp"
#include "protocol/link.hpp"

#include <braid/error.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace braid::test {

using Bytes = std::vector<std::byte>;

inline Bytes payload(std::size_t size, unsigned seed) {
    Bytes result(size);
    for (std::size_t i = 0; i < size; ++i) {
        result[i] = static_cast<std::byte>(i * 31 + (i >> 8) * 7 + seed);
    }
    return result;
}

/// Sends each queued message as one whole frame on slot 2.
class ScriptedSource final : public protocol::FrameSource {
public:
    struct Item {
        Bytes bytes;
        std::unique_ptr<protocol::Block> block;
    };

    void push(Bytes bytes) {
        auto block = std::make_unique<protocol::Block>();
        block->references = 1;  // ours
        block->recycle = [](protocol::Block&) {};
        queue.push_back({std::move(bytes), std::move(block)});
    }

    protocol::FrameToken fill(protocol::FrameWriter& unit, protocol::Time) override {
        ++fills;
        while (!queue.empty()) {
            auto& next = queue.front();
            if (next.bytes.size() + protocol::frame_header_bytes_max > unit.room()) break;
            protocol::MessageHead head;
            head.slot = 2;
            unit.message(head, next.bytes, *next.block);
            taken.push_back(std::move(next));
            queue.pop_front();
        }
        written = unit.written();
        return 0;
    }
    bool pending(protocol::Time) override { return !queue.empty(); }

    /// References that others hold to what was taken.
    std::size_t referenced() const {
        std::size_t result = 0;
        for (const auto& item : taken) result += item.block->references - 1;
        return result;
    }

    std::deque<Item> queue;
    std::vector<Item> taken;
    std::size_t written = 0;
    int fills = 0;
};

/// Takes whole message frames and checks that what it is offered begins where it left off.
class ScriptedSink final : public protocol::FrameSink {
public:
    Receipt receive(std::span<const std::byte> bytes, protocol::Framing framing,
                    protocol::Time) override {
        Receipt receipt;
        protocol::Frame frame;
        auto rest = bytes;
        auto status = protocol::FrameStatus::complete;
        while ((status = decode(rest, framing, frame)) == protocol::FrameStatus::complete) {
            received_bytes += frame.payload.size();
            ++frames;
            if (keep) messages.emplace_back(frame.payload.begin(), frame.payload.end());
        }
        receipt.consumed = bytes.size() - rest.size();
        if (status != protocol::FrameStatus::incomplete) receipt.error = errc::frame_malformed;
        return receipt;
    }
    Receipt receive(std::span<const std::byte> bytes, std::span<Message> beside,
                    protocol::Time) override {
        Receipt receipt;
        receipt.consumed = bytes.size();
        protocol::Frame frame;
        while (decode(bytes, protocol::Framing::memory, frame) == protocol::FrameStatus::complete) {
            if (frame.beside) {
                messages_beside.push_back(std::move(beside.front()));
                beside = beside.subspan(1);
                frame.payload = messages_beside.back().bytes();
            }
            received_bytes += frame.payload.size();
            ++frames;
            if (keep) messages.emplace_back(frame.payload.begin(), frame.payload.end());
        }
        if (!bytes.empty() || !beside.empty()) receipt.error = errc::frame_malformed;
        return receipt;
    }
    void acked(protocol::FrameToken, protocol::Time) override {}
    void lost(protocol::FrameToken, protocol::Time) override {}

    std::vector<Bytes> messages;
    std::vector<Message> messages_beside;
    std::size_t frames = 0;
    std::size_t received_bytes = 0;
    bool keep = true;
};

}  // namespace braid::test
