#pragma once

#include <array>
#include <cstdint>

namespace braid::transport {

/// The best of what was seen within a window that moves along, in time or in rounds, kept in three
/// samples: K. Nichols' filter, as in Linux's lib/win_minmax.c. It may take a value for the best
/// that left the window up to a quarter of it ago, never one that is better than all within.
/// @tparam Better true if the first is at least as good as the second
template <typename Value, typename Better>
class WindowedBest {
public:
    void add(Value value, std::int64_t position, std::int64_t window) noexcept {
        const Sample sample{value, position};
        if (!known_ || Better{}(value, kept_[0].value) || position - kept_[2].position > window) {
            kept_.fill(sample);
            known_ = true;
            return;
        }
        if (Better{}(value, kept_[1].value)) {
            kept_[1] = kept_[2] = sample;
        } else if (Better{}(value, kept_[2].value)) {
            kept_[2] = sample;
        }
        age(sample, window);
    }

    void forget() noexcept { known_ = false; }
    bool known() const noexcept { return known_; }

    /// Only if known.
    Value best() const noexcept { return kept_[0].value; }

private:
    struct Sample {
        Value value{};
        std::int64_t position = 0;
    };

    void age(const Sample& sample, std::int64_t window) noexcept {
        const auto passed = sample.position - kept_[0].position;
        if (passed > window) {
            // The third is within the window, or add() had begun anew: twice is enough.
            shift(sample);
            if (sample.position - kept_[0].position > window) shift(sample);
        } else if (kept_[1].position == kept_[0].position && passed > window / 4) {
            kept_[1] = kept_[2] = sample;
        } else if (kept_[2].position == kept_[1].position && passed > window / 2) {
            kept_[2] = sample;
        }
    }

    void shift(const Sample& sample) noexcept {
        kept_[0] = kept_[1];
        kept_[1] = kept_[2];
        kept_[2] = sample;
    }

    std::array<Sample, 3> kept_{};
    bool known_ = false;
};

}  // namespace braid::transport
