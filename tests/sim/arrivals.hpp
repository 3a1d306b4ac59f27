#pragma once

#include "protocol/delivery_class.hpp"
#include "protocol/frame.hpp"
#include "protocol/interval_set.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace sim {

/// Which messages one end must have been handed by now, told from the frames that it got over one
/// link: put together naively, and whatever other streams miss.
class Arrivals {
public:
    /// An OPEN of either end: frames of that slot are of this stream from now on.
    void opened(const braid::protocol::Frame& open);

    /// A unit that the mux has stored.
    void stored(std::span<const std::byte> unit);

    /// So many messages of that stream can be delivered, all of them at once.
    std::uint64_t due(std::uint64_t stream) const;

    /// The streams that something came for since the last call.
    std::vector<std::uint64_t> take_touched();

private:
    /// Of a message frame, all but the bytes.
    struct Piece {
        bool whole = false;  ///< no fragment
        bool numbered = false;
        bool number_known_whole = false;
        std::uint64_t number = 0;
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
        std::optional<std::uint64_t> total;
    };

    struct Partial {
        braid::protocol::IntervalSet bytes;
        std::optional<std::uint64_t> total;
    };

    struct Stream {
        braid::protocol::DeliveryClass delivery{};
        bool waits = false;  ///< for older messages, on purpose
        std::uint64_t highest = 0;
        std::uint64_t delivered = 0;
        std::uint64_t newest_end = 0;
        braid::protocol::IntervalSet whole;
        std::map<std::uint64_t, Partial> partial;
    };

    struct Slot {
        std::optional<std::uint64_t> stream;
        std::vector<Piece> early;  ///< came before the OPEN
        std::uint64_t unit = 0;
        bool number_known = false;
        std::uint64_t number_next = 0;
    };

    void message(const braid::protocol::Frame& frame);
    void add(std::uint64_t id, Piece piece);
    static void complete(Stream& stream, const Piece& piece);

    std::map<std::uint64_t, Slot> slots_;
    std::map<std::uint64_t, Stream> streams_;
    std::vector<std::uint64_t> touched_;
    std::uint64_t unit_ = 0;
};

}  // namespace sim
