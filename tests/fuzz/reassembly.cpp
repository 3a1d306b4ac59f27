// Fragments in any order, cut and overlap against an oracle that marks bytes one by one.

#include "protocol/reassembly.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::size_t bytes_max = 2'048;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

// Each operation takes five bytes: offset and length (two each), then a filler, whose lowest values
// set the total to offset + length instead.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    braid::protocol::Reassembly message{bytes_max};
    std::vector<std::byte> bytes(bytes_max);
    std::vector<bool> here(bytes_max);
    std::size_t end_seen = 0;
    bool total_known = false;
    std::size_t total = 0;
    for (; size >= 5; data += 5, size -= 5) {
        const std::size_t offset = data[0] | (data[1] & 15u) << 8u;
        const std::size_t length = data[2] | (data[3] & 15u) << 8u;
        if (data[4] < 8) {
            const auto claimed = std::min(offset + length, bytes_max);
            const bool fine = total_known ? claimed == total : claimed >= end_seen;
            require(message.set_total(claimed) == fine);
            if (fine) total_known = true, total = claimed;
        } else {
            const auto end_max = total_known ? total : bytes_max;
            const bool fits = offset <= end_max && length <= end_max - offset;
            require(message.fits(offset, length) == fits);
            if (!fits) continue;
            std::uint64_t missing = 0;
            for (auto i = offset; i < offset + length; ++i) missing += here[i] ? 0u : 1u;
            require(message.missing(offset, length) == missing);
            const std::vector<std::byte> piece(length, static_cast<std::byte>(data[4]));
            message.add(offset, piece);
            for (auto i = offset; i < offset + length; ++i) {
                if (!here[i]) bytes[i] = piece[i - offset];
                here[i] = true;
            }
            end_seen = std::max(end_seen, offset + length);
        }
        const auto end = here.begin() + static_cast<std::ptrdiff_t>(total);
        const bool complete = total_known && std::find(here.begin(), end, false) == end;
        require(message.complete() == complete);
        if (!complete) continue;
        const auto whole = std::move(message).take();
        bytes.resize(total);
        require(std::ranges::equal(whole.bytes(), bytes));
        return 0;
    }
    return 0;
}
