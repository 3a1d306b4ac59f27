#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace braid::protocol {

/// Which of the newest `kept` numbers were seen: what is older counts as seen. A bitmap that slides
/// by whole words, as in RFC 6479.
class RecentNumbers {
public:
    static constexpr std::uint64_t kept = 960;

    /// @returns false if the number was seen, or is too old to tell
    bool insert(std::uint64_t number) noexcept {
        if (number >= end_) {
            const auto last = end_ == 0 ? 0 : (end_ - 1) / 64;
            const auto words = std::min<std::uint64_t>(number / 64 - last, bits_.size());
            for (std::uint64_t i = 0; i < words; ++i) word(number / 64 - i) = 0;
            end_ = number + 1;
        } else if (end_ - number > kept) {
            return false;
        }
        auto& bits = word(number / 64);
        const auto bit = std::uint64_t{1} << number % 64;
        if ((bits & bit) != 0) return false;
        bits |= bit;
        return true;
    }

private:
    std::uint64_t& word(std::uint64_t index) noexcept { return bits_[index % bits_.size()]; }

    std::uint64_t end_ = 0;                            // one past the newest
    std::array<std::uint64_t, kept / 64 + 1> bits_{};  // the newest word is not full yet
};

}  // namespace braid::protocol
