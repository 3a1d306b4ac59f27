#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sim {

/// Chance from one seed, the same on every machine (std's distributions are not). The generator is
/// xoshiro256** of D. Blackman and S. Vigna (2018), seeded by their splitmix64.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept {
        for (auto& word : state_) {
            seed += 0x9e3779b97f4a7c15u;
            auto mixed = seed;
            mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
            mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
            word = mixed ^ (mixed >> 31);
        }
    }

    std::uint64_t next() noexcept {
        const auto result = rotate(state_[1] * 5, 7) * 9;
        const auto shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate(state_[3], 45);
        return result;
    }

    /// A number below `end`, which is not 0.
    std::uint64_t below(std::uint64_t end) noexcept { return next() % end; }

    /// A number from `first` to `last`, both included.
    std::uint64_t between(std::uint64_t first, std::uint64_t last) noexcept {
        return first + below(last - first + 1);
    }

    /// True `share` of the times.
    bool chance(double share) noexcept {
        return static_cast<double>(next() >> 11) * 0x1.0p-53 < share;
    }

    /// Small numbers far more often than large ones: every magnitude alike.
    std::uint64_t magnitude(std::uint64_t last) noexcept {
        const auto cut = next() >> below(64);
        return last == ~std::uint64_t{0} ? cut : cut % (last + 1);
    }

    template <typename T>
    const T& pick(std::span<const T> choices) noexcept {
        return choices[below(choices.size())];
    }
    template <typename T, std::size_t n>
    const T& pick(const std::array<T, n>& choices) noexcept {
        return choices[below(n)];
    }

    std::vector<std::byte> bytes(std::size_t size) {
        std::vector<std::byte> result(size);
        for (auto& byte : result) byte = static_cast<std::byte>(next() >> 32);
        return result;
    }

private:
    static std::uint64_t rotate(std::uint64_t value, int bits) noexcept {
        return (value << bits) | (value >> (64 - bits));
    }

    std::array<std::uint64_t, 4> state_{};
};

}  // namespace sim
