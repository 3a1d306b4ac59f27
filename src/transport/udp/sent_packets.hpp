#pragma once

#include "protocol/link.hpp"
#include "protocol/time.hpp"
#include "transport/udp/delivery_rate.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace braid::transport {

/// What the sender remembers of a packet.
struct SentPacket {
    std::uint64_t number = 0;
    protocol::Time sent_at{};
    std::uint32_t bytes = 0;         ///< of UDP payload
    bool eliciting = false;          ///< counts as in flight, and is retransmitted
    bool probes_mtu = false;         ///< its loss says nothing about congestion
    std::uint8_t own_frames = 0;     ///< the link's own, that must go again if it is lost
    protocol::FrameToken token = 0;  ///< of the mux's frames in it; 0: none
    std::uint64_t acknowledges = 0;  ///< one past the largest number its ACK told of; 0: no ACK
};

/// A run of packet numbers and what is remembered of each: an array in a ring, found by number, and
/// one bit for each that is still of interest, so that a range of an ACK that repeats what is known
/// already costs a step for every 64 numbers.
class SentPackets {
public:
    enum class State : std::uint8_t {
        under_way,  ///< in flight
        silent,     ///< sent, but nothing is expected of it
        lost,       ///< was in flight, and was given up
        settled,    ///< acknowledged, or never sent
    };

    struct Entry {
        SentPacket packet;
        DeliveryRate::Mark mark;
        protocol::Time lost_at{};
        std::uint64_t largest_acked = 0;  ///< when it was lost
        std::uint32_t episode = 0;        ///< of losses, that it belongs to
        State state = State::settled;
    };

    explicit SentPackets(std::uint64_t first) noexcept : begin_{first}, end_{first} {}

    std::uint64_t begin() const noexcept { return begin_; }
    std::uint64_t end() const noexcept { return end_; }
    std::size_t size() const noexcept { return static_cast<std::size_t>(end_ - begin_); }
    bool empty() const noexcept { return begin_ == end_; }
    /// How many there is memory for.
    std::size_t capacity() const noexcept { return entries_.size(); }

    Entry& operator[](std::uint64_t number) noexcept {
        assert(number >= begin_ && number < end_);
        return entries_[number & (entries_.size() - 1)];
    }
    const Entry& operator[](std::uint64_t number) const noexcept {
        assert(number >= begin_ && number < end_);
        return entries_[number & (entries_.size() - 1)];
    }

    /// The entry of the number end(), as new; of interest unless it is settled.
    Entry& push_back(State state) {
        if (size() == entries_.size()) grow();
        const auto number = end_++;
        peak_ = std::max(peak_, size());
        auto& entry = (*this)[number];
        entry = Entry{};
        entry.state = state;
        if (state == State::settled) {
            word(number) &= ~bit(number);
        } else {
            word(number) |= bit(number);
        }
        return entry;
    }

    /// Nothing more is to be heard of this one.
    void settle(std::uint64_t number) noexcept {
        (*this)[number].state = State::settled;
        word(number) &= ~bit(number);
    }

    void pop_front() noexcept {
        assert(!empty());
        word(begin_) &= ~bit(begin_);
        ++begin_;
        if (empty()) rest();
    }

    /// Calls `visit(number)` for those of [first, last) that are not settled, the oldest first;
    /// it may settle them. Numbers that are not here are passed over.
    template <typename Visit>
    void for_each_open(std::uint64_t first, std::uint64_t last, Visit visit) {
        first = std::max(first, begin_);
        last = std::min(last, end_);
        while (first < last) {
            const auto span = std::min<std::uint64_t>(64 - first % 64, last - first);
            auto open = word(first) >> first % 64;
            if (span < 64) open &= bit(span) - 1;
            for (; open != 0; open &= open - 1) {
                visit(first + static_cast<std::uint64_t>(std::countr_zero(open)));
            }
            first += span;
        }
    }

private:
    static constexpr std::size_t entries_at_first = 4;
    /// So much room is not given back.
    static constexpr std::size_t entries_kept = 64;

    static std::uint64_t bit(std::uint64_t number) noexcept {
        return std::uint64_t{1} << number % 64;
    }
    std::uint64_t& word(std::uint64_t number) noexcept {
        return words_[(number / 64) & (words_.size() - 1)];
    }

    void grow() {
        const auto before = std::exchange(entries_, {});
        entries_.resize(std::max(before.size() * 2, entries_at_first));
        words_.assign(std::max<std::size_t>(entries_.size() / 64, 1), 0);
        for (auto number = begin_; number < end_; ++number) {
            const auto& entry = before[number & (before.size() - 1)];
            (*this)[number] = entry;
            if (entry.state != State::settled) word(number) |= bit(number);
        }
    }

    /// Gives memory back of which less than a quarter was needed since this was last empty: a
    /// connection that has fallen idle keeps little, one that is busy now and then what it needs.
    void rest() noexcept {
        if (entries_.size() > entries_kept && peak_ < entries_.size() / 4) {
            entries_ = {};
            words_ = {};
        }
        peak_ = 0;
    }

    std::vector<Entry> entries_;  ///< a power of two
    std::vector<std::uint64_t> words_;
    std::uint64_t begin_;
    std::uint64_t end_;
    std::size_t peak_ = 0;  ///< size since it was empty
};

}  // namespace braid::transport
