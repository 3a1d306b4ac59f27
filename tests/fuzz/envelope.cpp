// Any bytes are a sealed message or a named failure; a message that comes out is within the limit,
// and comes out the same when it is sealed again.

#include "protocol/envelope.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

using namespace braid::protocol;
using braid::Promises;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t message_bytes_max = 64u << 10;
    constexpr Promises promises = Promises::compressed | Promises::consistency;

    braid::detail::MessageBuffer buffer{message_bytes_max};
    const Opened opened =
        open(std::as_bytes(std::span{data, size}), promises, message_bytes_max, buffer);
    if (opened.failure) return 0;
    if (opened.bytes.size() > message_bytes_max) std::abort();

    std::vector<std::byte> sealed(sealed_bytes_max(opened.bytes.size()));
    const Sealing wanted{.compress = opened.decompressed, .checksum = (data[0] & 2) != 0};
    sealed.resize(seal(opened.bytes, wanted, sealed));

    braid::detail::MessageBuffer again{message_bytes_max};
    const Opened reopened = open(sealed, promises, message_bytes_max, again);
    if (reopened.failure || !std::ranges::equal(reopened.bytes, opened.bytes)) std::abort();
    return 0;
}
