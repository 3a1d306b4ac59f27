#pragma once

#include <braid/error.hpp>

#include <compare>
#include <cstdint>

namespace braid {

/// How urgent a stream is: 0 leaves first, 7 last.
class Priority {
public:
    static constexpr int count = 8;  ///< levels

    /// @throws StreamError (errc::priority_invalid) unless 0 <= level <= 7
    constexpr Priority(int level) : level_{static_cast<std::uint8_t>(level)} {
        if (level < 0 || level >= count) throw StreamError{errc::priority_invalid};
    }

    /// 0 to 7.
    constexpr std::uint8_t level() const noexcept { return level_; }
    constexpr auto operator<=>(const Priority&) const noexcept = default;

private:
    std::uint8_t level_;
};

}  // namespace braid
