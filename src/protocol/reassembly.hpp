#pragma once

#include "protocol/time.hpp"

#include <braid/message.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace braid::protocol {

/// One message of which fragments have arrived, in any order. Holds what came, not what was
/// announced: memory follows the bytes received. Where fragments overlap, the first one counts.
class Reassembly {
public:
    explicit Reassembly(std::size_t message_bytes_max) noexcept : head_{message_bytes_max} {}

    Time begun_at{};
    bool reserved = false;  ///< receive credit was reserved for its total

    /// @returns false if it contradicts what is known, or lies beyond
    bool set_total(std::uint64_t total) noexcept;
    bool fits(std::uint64_t offset, std::size_t bytes) const noexcept;

    std::optional<std::uint64_t> total() const noexcept { return total_; }

    /// How many bytes of [offset, offset + bytes) are not here yet.
    std::uint64_t missing(std::uint64_t offset, std::size_t bytes) const noexcept;

    /// Stores a fragment that fits().
    void add(std::uint64_t offset, std::span<const std::byte> bytes);

    bool complete() const noexcept { return total_ && head_.size() == *total_; }

    /// Pieces beyond the first gap.
    std::size_t parts() const noexcept { return parts_.size(); }

    /// The bytes received, and what it takes to remember those beyond a gap.
    std::uint64_t held_bytes() const noexcept {
        return head_.size() + parts_bytes_ + parts_.size() * part_overhead_bytes;
    }

    /// The message, once complete.
    Message take() && { return std::move(head_).freeze(); }

private:
    static constexpr std::uint64_t part_overhead_bytes = 128;
    static constexpr std::size_t joined_max = 16u << 10;

    void keep(std::map<std::uint64_t, std::vector<std::byte>>::iterator next, std::uint64_t offset,
              std::span<const std::byte> bytes);
    void join_parts();

    std::optional<std::uint64_t> total_;
    std::uint64_t end_seen_ = 0;
    detail::MessageBuffer head_;                             // all from the start to the first gap
    std::map<std::uint64_t, std::vector<std::byte>> parts_;  // beyond it, disjoint
    std::uint64_t parts_bytes_ = 0;
};

}  // namespace braid::protocol
