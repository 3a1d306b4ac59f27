// A TCP link fed with random bytes in random pieces: what it offers is what arrived, once and in
// order, and what it holds back is less than a frame. The first byte seeds the pieces.
#include "protocol/frame.hpp"
#include "transport/tcp/link.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

using namespace braid;
using namespace braid::protocol;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

class CheckingSink final : public FrameSink {
public:
    explicit CheckingSink(std::span<const std::byte> all) : all_{all} {}

    Receipt receive(std::span<const std::byte> bytes, Framing framing, Time) override {
        require(framing == Framing::stream);
        require(consumed_ + bytes.size() <= all_.size());
        require(std::memcmp(bytes.data(), all_.data() + consumed_, bytes.size()) == 0);
        Receipt receipt;
        Frame frame;
        auto rest = bytes;
        auto status = FrameStatus::complete;
        while (true) {
            const auto before = rest;
            status = decode(rest, framing, frame);
            if (status != FrameStatus::complete) {
                require(rest.data() == before.data() && rest.size() == before.size());
                break;
            }
            check(before.first(before.size() - rest.size()), frame);
        }
        receipt.consumed = bytes.size() - rest.size();
        consumed_ += receipt.consumed;
        if (status != FrameStatus::incomplete) receipt.error = errc::frame_malformed;
        return receipt;
    }
    Receipt receive(std::span<const std::byte>, std::span<braid::Message>, Time) override {
        std::abort();
    }
    void acked(FrameToken, Time) override {}
    void lost(FrameToken, Time) override {}

    std::size_t consumed() const { return consumed_; }

private:
    static void check(std::span<const std::byte> encoded, const Frame& frame) {
        require(!encoded.empty());
        require(frame.payload.size() <= frame_payload_bytes_max);
        require(frame.text.size() <= close_text_bytes_max);
        if (frame.payload.empty()) return;
        require(frame.payload.data() >= encoded.data());
        require(frame.payload.data() + frame.payload.size() <= encoded.data() + encoded.size());
    }

    std::span<const std::byte> all_;
    std::size_t consumed_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    std::uint32_t random = data[0] * 2654435761u + 1;
    const auto next = [&] { return (random = random * 1664525u + 1013904223u) >> 16; };
    const auto bytes = std::as_bytes(std::span{data + 1, size - 1});

    // Whole at once: what the pieces are compared with.
    CheckingSink expected{bytes};
    const auto outcome =
        bytes.empty() ? FrameSink::Receipt{} : expected.receive(bytes, Framing::stream, Time{});

    const auto first = std::min<std::size_t>(next() % 8, bytes.size());
    braid::transport::TcpLink link{bytes.first(first)};
    CheckingSink sink{bytes};
    if (link.has_input()) link.drain(sink, Time{});
    std::vector<std::byte> memory;
    for (auto at = first; at < bytes.size() && !link.failure();) {
        const auto piece =
            std::min<std::size_t>(1 + next() % (1u << next() % 12), bytes.size() - at);
        memory.assign(braid::transport::TcpLink::leftover_bytes_max + piece, std::byte{0xee});
        const auto view = std::span{memory}.last(piece);
        std::memcpy(view.data(), bytes.data() + at, piece);
        link.input(view);
        link.drain(sink, Time{});
        at += piece;
    }
    require(sink.consumed() == expected.consumed());
    require(link.failure() == outcome.error);
    return 0;
}
