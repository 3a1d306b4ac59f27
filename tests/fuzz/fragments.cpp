// Fragments and whole messages in any order, cut and overlap, into the receiving half of a stream
// of each delivery class, against an oracle that puts them together byte by byte.

#include "protocol/inbound.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <vector>

using namespace braid::protocol;
using namespace std::chrono_literals;
using braid::Promises;

namespace {

constexpr std::size_t bytes_max = 20'000;
constexpr std::size_t fragment_bytes_least = 128;  // of guaranteed messages, but for the last one

void require(bool holds) {
    if (!holds) std::abort();
}

/// A message as far as it has come: what came first counts. Of one that may be lost, parts may have
/// been forgotten: all that was ever said of it may be true.
struct Told {
    std::vector<std::optional<std::byte>> bytes;
    std::optional<std::size_t> total;
    std::vector<std::vector<std::byte>> said;
    std::vector<std::size_t> totals;

    bool complete() const {
        return total && bytes.size() == *total &&
               std::ranges::all_of(bytes, [](const auto& each) { return each.has_value(); });
    }
};

struct Piece {
    std::uint64_t number = 0;
    std::size_t offset = 0;
    std::size_t size = 0;
    std::optional<std::size_t> total;
    bool whole = false;
    std::byte fill{};

    /// That of the message at `at`, as this piece has it.
    std::byte byte(std::size_t at) const {
        return static_cast<std::byte>(std::to_integer<std::size_t>(fill) + at);
    }
};

Piece piece_of(const std::uint8_t* data) {
    Piece piece;
    piece.number = data[0] & 15u;
    piece.whole = (data[0] & 32u) != 0;
    piece.size = data[2] % 64u * 16u;
    piece.fill = static_cast<std::byte>(data[3]);
    if (!piece.whole) piece.offset = data[1] * 64u;
    const auto end = piece.offset + piece.size;
    // Mostly the last fragment says the total; now and then another one says a longer one.
    if ((data[0] & 16u) != 0) piece.total = end + ((data[0] & 64u) != 0 ? data[2] * 16u : 0u);
    if (piece.whole) piece.total = piece.size;
    return piece;
}

class Receiver {
public:
    explicit Receiver(std::uint8_t flags)
        : inbound_{{static_cast<Promises>((flags & 1u) * 1u + (flags & 2u) * 2u), bytes_max, window,
                    window, (flags & 4u) != 0 ? Duration{20ms} : Duration{0}}} {}

    /// False: the channel would end.
    bool take(const Piece& piece) {
        // What a datagram cannot say, its decoder refuses.
        if (piece.total && piece.offset + piece.size > *piece.total) return true;
        auto& told = told_[piece.number];
        const bool over = done_.contains(piece.number);
        const bool right = over || is_right(told, piece);
        std::vector<std::byte> payload(piece.size);
        for (std::size_t i = 0; i < piece.size; ++i) payload[i] = piece.byte(piece.offset + i);
        Frame frame;
        frame.type = FrameType::message;
        frame.fragment = !piece.whole;
        frame.offset = piece.offset;
        frame.has_total = frame.fragment && piece.total.has_value();
        frame.total = piece.total.value_or(0);
        frame.payload = payload;
        const auto error = inbound_.receive(frame, piece.number, true, participant_, now_);
        if (guaranteed()) require(!error == right);
        if (error) {
            require(!right || !guaranteed());
            return false;
        }
        if (guaranteed() && !over) remember(told, piece);
        if (!guaranteed()) note(told, piece);
        check_delivered();
        return true;
    }

    void wait(Duration time) {
        now_ += time;
        if (inbound_.deadline() <= now_) inbound_.advance(now_);
        require(inbound_.deadline() > now_);
        check_delivered();
    }

private:
    static constexpr std::uint64_t window = 1u << 30;

    bool guaranteed() const { return is_guaranteed(inbound_.delivery()); }

    bool is_right(const Told& told, const Piece& piece) const {
        const auto end = piece.offset + piece.size;
        const auto most = told.total.value_or(bytes_max);
        if (piece.total && (*piece.total < told.bytes.size() || *piece.total > bytes_max ||
                            (told.total && *told.total != *piece.total))) {
            return false;
        }
        if (end > std::min(most, piece.total.value_or(most))) return false;
        const auto total = piece.total ? piece.total : told.total;
        const bool last = total && end == *total;
        return !guaranteed() || piece.whole || last || piece.size >= fragment_bytes_least;
    }

    void remember(Told& told, const Piece& piece) {
        if (piece.total) told.total = piece.total;
        if (told.bytes.size() < piece.offset + piece.size) {
            told.bytes.resize(piece.offset + piece.size);
        }
        for (std::size_t i = piece.offset; i < piece.offset + piece.size; ++i) {
            if (!told.bytes[i]) told.bytes[i] = piece.byte(i);
        }
        if (told.complete()) done_.emplace(piece.number, false);
    }

    static void note(Told& told, const Piece& piece) {
        if (piece.total) told.totals.push_back(*piece.total);
        const auto end = piece.offset + piece.size;
        if (told.said.size() < end) told.said.resize(end);
        for (std::size_t i = piece.offset; i < end; ++i) told.said[i].push_back(piece.byte(i));
    }

    void check_delivered() {
        MessageQueue::Front front;
        std::uint64_t charge = 0;
        while (inbound_.delivered.front(front)) {
            guaranteed() ? check(front) : check_lossy(front);
            charge += front.charge;
            inbound_.delivered.pop();
        }
        inbound_.consume(charge, participant_);
        if (!guaranteed()) return;
        // All that is whole is out, in order up to the first that is not.
        const bool ordered = inbound_.delivery() == DeliveryClass::guaranteed_ordered;
        for (const auto& [number, delivered] : done_) {
            if (!ordered || number < next_) require(delivered);
        }
        require(!ordered || !done_.contains(next_));
    }

    void check(const MessageQueue::Front& front) {
        const auto done = done_.find(front.number);
        require(done != done_.end() && !std::exchange(done->second, true));
        if (inbound_.delivery() == DeliveryClass::guaranteed_ordered) {
            require(front.number == next_++);
        }
        const auto& told = told_[front.number];
        require(front.bytes.size() == *told.total);
        for (std::size_t i = 0; i < front.bytes.size(); ++i) {
            require(front.bytes[i] == *told.bytes[i]);
        }
    }

    void check_lossy(const MessageQueue::Front& front) {
        // An unreliable stream counts what arrives.
        if (inbound_.delivery() == DeliveryClass::unreliable) {
            require(front.number == next_++);
            const auto may_be = [&](const auto& each) { return is_said(each.second, front.bytes); };
            return require(std::ranges::any_of(told_, may_be));
        }
        require(front.number >= next_);
        next_ = front.number + 1;
        require(is_said(told_[front.number], front.bytes));
    }

    static bool is_said(const Told& told, std::span<const std::byte> bytes) {
        if (std::ranges::find(told.totals, bytes.size()) == told.totals.end()) return false;
        if (told.said.size() < bytes.size()) return false;
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            if (std::ranges::find(told.said[i], bytes[i]) == told.said[i].end()) return false;
        }
        return true;
    }

    ReceiveCredit participant_{window, window};
    Inbound inbound_;
    Time now_{1'000s};
    std::map<std::uint64_t, Told> told_;
    std::map<std::uint64_t, bool> done_;  // whole ones: whether delivered
    std::uint64_t next_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Receiver receiver{data[0]};
    for (++data, --size; size >= 4; data += 4, size -= 4) {
        if ((data[0] & 128u) != 0) receiver.wait(data[1] * 1ms);
        if (!receiver.take(piece_of(data))) return 0;
    }
    return 0;
}
