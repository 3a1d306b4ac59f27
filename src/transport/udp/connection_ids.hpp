#pragma once

#include "crypto/hash.hpp"
#include "transport/udp/packet.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace braid::transport {

/// Turns small numbers into connection ids that look random, each into one, and back: the block
/// cipher Speck32/64 (Beaulieu and others, 2013), whose blocks are as long as an id.
class ConnectionIdCipher {
public:
    explicit ConnectionIdCipher(std::uint64_t key) noexcept;

    ConnectionId seal(std::uint32_t number) const noexcept;
    std::uint32_t open(ConnectionId id) const noexcept;

private:
    static constexpr std::size_t rounds = 22;

    std::array<std::uint16_t, rounds> round_keys_;
};

/// Connections by the ids that they have been given, which nobody can guess who has not seen them.
/// A packet for none of them costs a look at one place. An id is not given again until 2^24 others
/// have been.
template <class Connection>
class ConnectionIds {
public:
    static constexpr std::size_t connections_limit = std::size_t{1} << 16;
    /// Places that rest before one of them is used again, while there are others.
    static constexpr std::size_t places_resting = 256;

    /// @param key secret
    /// @param connections_max at most connections_limit
    ConnectionIds(const crypto::ShortKey& key, std::size_t connections_max)
        : cipher_{crypto::short_hash(key, {})},
          places_max_{std::min(connections_max, connections_limit)} {}

    /// @returns the id; nothing if there are connections_max
    std::optional<ConnectionId> add(Connection connection) {
        const auto place = free_place();
        if (!place) return std::nullopt;
        places_[*place].connection.emplace(std::move(connection));
        return cipher_.seal(static_cast<std::uint32_t>(places_[*place].generation) << 16 |
                            static_cast<std::uint32_t>(*place));
    }

    /// Null if there is none. Holds until the next add() or remove().
    Connection* find(ConnectionId id) noexcept {
        auto* place = place_of(id);
        return place == nullptr ? nullptr : &*place->connection;
    }

    /// Does nothing if there is none of that id.
    void remove(ConnectionId id) {
        auto* place = place_of(id);
        if (place == nullptr) return;
        place->connection.reset();
        ++place->generation;
        free_.push_back(static_cast<std::uint16_t>(place - places_.data()));
    }

    std::size_t size() const noexcept { return places_.size() - free_.size(); }
    /// For how many there is memory.
    std::size_t places() const noexcept { return places_.size(); }

private:
    struct Place {
        std::optional<Connection> connection;
        std::uint16_t generation = 0;
    };

    std::optional<std::size_t> free_place() {
        if (places_.size() < places_max_ && free_.size() < places_resting) {
            places_.emplace_back();
            return places_.size() - 1;
        }
        if (free_.empty()) return std::nullopt;
        const auto place = free_.front();  // for longest
        free_.pop_front();
        return place;
    }

    Place* place_of(ConnectionId id) noexcept {
        const auto number = cipher_.open(id);
        const std::size_t index = number & 0xffff;
        if (index >= places_.size()) return nullptr;
        auto& place = places_[index];
        return place.connection && place.generation == number >> 16 ? &place : nullptr;
    }

    ConnectionIdCipher cipher_;
    std::size_t places_max_;
    std::vector<Place> places_;
    std::deque<std::uint16_t> free_;
};

}  // namespace braid::transport
