#pragma once

#include "protocol/handshake.hpp"
#include "transport/doorbell.hpp"
#include "transport/mpsc/lane.hpp"

#include <array>
#include <memory>
#include <mutex>
#include <optional>

namespace braid::transport {

/// What the two ends of a connection within the process share: their first words, and a lane for
/// each direction. Any thread.
class Passage {
public:
    using Side = protocol::HandshakeSide;

    /// What the other side has said, if anything.
    struct Heard {
        std::optional<protocol::Hello> hello;
        std::optional<protocol::Refusal> refusal;
        bool gone = false;  ///< and will say nothing more
    };

    Passage() = default;
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;

    void say(Side side, protocol::Hello hello);
    void refuse(protocol::Refusal refusal);

    /// What the other side of `side` has said. If that is nothing yet, `bell` rings when it does.
    Heard hear(Side side, const std::shared_ptr<Doorbell>& bell);

    /// `side` neither says nor reads anything more. What it sent before can still be read.
    void leave(Side side);
    bool left(Side side) const;

    Lane& lane_from(Side side) noexcept { return lanes_[index(side)]; }
    Lane& lane_to(Side side) noexcept { return lanes_[index(other(side))]; }

private:
    struct End {
        Heard said;
        std::shared_ptr<Doorbell> listening;  // for what the other one says
    };

    static std::size_t index(Side side) noexcept { return side == Side::dialling ? 0 : 1; }
    static Side other(Side side) noexcept {
        return side == Side::dialling ? Side::accepting : Side::dialling;
    }

    mutable std::mutex mutex_;  // for the following
    std::array<End, 2> ends_;
    std::array<Lane, 2> lanes_;
};

/// One end of a passage, which leaves it when it is destroyed.
class PassageEnd {
public:
    PassageEnd(std::shared_ptr<Passage> passage, Passage::Side side) noexcept
        : passage_{std::move(passage)}, side_{side} {}
    PassageEnd(PassageEnd&& other) noexcept
        : passage_{std::exchange(other.passage_, nullptr)}, side_{other.side_} {}
    PassageEnd& operator=(PassageEnd other) noexcept {
        std::swap(passage_, other.passage_);
        std::swap(side_, other.side_);
        return *this;
    }
    ~PassageEnd() { leave(); }

    explicit operator bool() const noexcept { return passage_ != nullptr; }
    void say(protocol::Hello hello) { passage_->say(side_, std::move(hello)); }
    void refuse(protocol::Refusal refusal) { passage_->refuse(std::move(refusal)); }
    Passage::Heard hear(const std::shared_ptr<Doorbell>& bell) {
        return passage_->hear(side_, bell);
    }
    Lane& out() noexcept { return passage_->lane_from(side_); }
    Lane& in() noexcept { return passage_->lane_to(side_); }

    void leave() noexcept {
        if (passage_ != nullptr) passage_->leave(side_);
    }

private:
    std::shared_ptr<Passage> passage_;
    Passage::Side side_;
};

}  // namespace braid::transport
