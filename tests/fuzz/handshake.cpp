// Bytes from a stranger, in pieces of a stranger's choosing: the first byte says which side is
// read, the second how long the pieces are.
#include "protocol/handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

using namespace braid::protocol;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_bounds(const Hello& hello) {
    require(application_text_valid(hello.application_name));
    require(application_text_valid(hello.application_version));
    require(hello.idle_ms != 0);
    for (const auto number : {hello.stream_credit, hello.participant_credit, hello.streams,
                              hello.message_bytes_max, hello.idle_ms}) {
        require(number <= hello_number_max);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto side = (data[0] & 1) != 0 ? HandshakeSide::accepting : HandshakeSide::dialling;
    const std::size_t step = data[1] + 1u;
    const auto bytes = std::as_bytes(std::span{data + 2, size - 2});

    HandshakeReader whole{side};
    auto rest = bytes;
    const auto status = whole.read(rest);
    require(bytes.size() - rest.size() <= handshake_bytes_max);

    // The outcome does not depend on the pieces.
    HandshakeReader pieces{side};
    std::size_t consumed = 0;
    while (consumed < bytes.size()) {
        auto piece = bytes.subspan(consumed, std::min(step, bytes.size() - consumed));
        const auto before = piece.size();
        const auto piece_status = pieces.read(piece);
        consumed += before - piece.size();
        if (piece_status != HandshakeStatus::incomplete) break;
    }
    if (status == HandshakeStatus::hello) {
        require(consumed == bytes.size() - rest.size());
        check_bounds(whole.hello());
        require(pieces.hello() == whole.hello());
        // What was read can be written, and reads the same.
        const auto again = encode_hello(whole.hello(), side);
        HandshakeReader reader{side};
        std::span<const std::byte> copy{again};
        require(reader.read(copy) == HandshakeStatus::hello && reader.hello() == whole.hello());
    }
    if (status == HandshakeStatus::refused) {
        require(whole.refusal().text.size() <= refusal_text_bytes_max);
        require(pieces.refusal() == whole.refusal());
    }
    if (status == HandshakeStatus::failed) {
        require(pieces.refusal().reason == whole.refusal().reason);
    }
    return 0;
}
