#pragma once

#include "protocol/packet_cipher.hpp"
#include "sim/check.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <utility>

namespace sim {

/// What the packets of one direction hold, for tests that look inside. Shared by both ciphers of
/// that direction.
struct PacketWatch {
    std::uint64_t key = 0;
    std::size_t tag_bytes = 8;
    std::uint64_t sealed_last = 0;  ///< one more than the number
    std::uint64_t opened_last = 0;
    std::uint64_t refused = 0;  ///< tags that were wrong
    std::function<void(std::uint64_t number, std::span<const std::byte> payload)> sealed;
    std::function<void(std::uint64_t number, std::span<const std::byte> payload)> opened;
};

/// A tag with a key that the test knows, and no encryption: what is inside can be made up, and
/// seen. It finds accidents; an attacker would find the key.
class WatchedCipher final : public braid::protocol::PacketCipher {
public:
    explicit WatchedCipher(std::shared_ptr<PacketWatch> watch) : watch_{std::move(watch)} {}

    std::size_t tag_bytes() const noexcept override { return watch_->tag_bytes; }

    void seal(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              std::byte* tag) noexcept override {
        // An exception cannot leave here; whoever drives the end looks.
        if (number < watch_->sealed_last) reused_ = true;
        watch_->sealed_last = number + 1;
        write_tag(*watch_, number, header, payload, tag);
        if (watch_->sealed) watch_->sealed(number, payload);
    }

    bool open(std::uint64_t number, std::span<const std::byte> header, std::span<std::byte> payload,
              const std::byte* tag) noexcept override {
        std::byte expected[tag_bytes_max];
        write_tag(*watch_, number, header, payload, expected);
        if (std::memcmp(expected, tag, watch_->tag_bytes) != 0) {
            ++watch_->refused;
            std::fill(payload.begin(), payload.end(), std::byte{0xee});
            return false;
        }
        watch_->opened_last = number;
        if (watch_->opened) watch_->opened(number, payload);
        return true;
    }

    /// True if a number was sealed that was not above all before.
    bool reused() const noexcept { return reused_; }

    static constexpr std::size_t tag_bytes_max = 16;

    static void write_tag(const PacketWatch& watch, std::uint64_t number,
                          std::span<const std::byte> header, std::span<const std::byte> payload,
                          std::byte* tag) noexcept {
        auto hash = watch.key ^ (number * 0x9e3779b97f4a7c15u);
        mix(hash, header);
        mix(hash, payload);
        for (std::size_t at = 0; at < watch.tag_bytes; at += 8) {
            std::memcpy(tag + at, &hash, 8);
            hash *= 0xbf58476d1ce4e5b9u;
        }
    }

private:
    static void mix(std::uint64_t& hash, std::span<const std::byte> bytes) noexcept {
        hash ^= bytes.size();
        for (std::size_t at = 0; at < bytes.size(); at += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
            hash = (hash ^ word) * 0xbf58476d1ce4e5b9u;
            hash ^= hash >> 29;
        }
    }

    std::shared_ptr<PacketWatch> watch_;
    bool reused_ = false;
};

}  // namespace sim
