#pragma once

#include <braid/export.hpp>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace braid {

/// Names one Network to all others: 128 bits.
struct Pid {
    std::array<std::uint8_t, 16> bytes{};  ///< in the order of the wire

    /// Drawn from the system's random source.
    BRAID_API static Pid random();

    /// A fixed Pid for tests and examples: all six characters of its text are the `letter`-th of
    /// the alphabet, so numbered(0) prints as AAAAAA and numbered(1) as BBBBBB. `letter` < 64.
    BRAID_API static Pid numbered(unsigned letter) noexcept;

    constexpr auto operator<=>(const Pid&) const noexcept = default;
};

/// The low 36 bits as six base-64 characters: enough to tell peers apart in a log.
BRAID_API std::string to_string(const Pid& pid);

}  // namespace braid

template <>
struct std::hash<braid::Pid> {
    std::size_t operator()(const braid::Pid& pid) const noexcept {
        std::size_t mixed = 0xcbf29ce484222325u;
        for (const auto byte : pid.bytes) mixed = (mixed ^ byte) * 0x100000001b3u;
        return mixed;
    }
};
