#pragma once

#include "protocol/mux.hpp"
#include "sim/soak.hpp"
#include "sim/soak_pair.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sim {

/// Messages that both ends can make up from a key and an index: pieces of one large block of
/// random bytes, so that neither has to remember or to copy them.
class SoakContent {
public:
    explicit SoakContent(std::uint64_t seed);

    struct Piece {
        std::uint32_t offset;
        std::uint32_t bytes;
    };
    static Piece piece(std::uint64_t key, std::uint64_t index, std::uint32_t bytes_min,
                       std::uint32_t bytes_max);

    braid::protocol::Block& block() { return block_; }
    bool equals(const Piece& piece, std::span<const std::byte> bytes) const;

private:
    std::vector<std::byte> bytes_;
    braid::protocol::Block block_;
};

/// One direction of a stream: what is sent on it, and what of that has come.
class SoakLane {
public:
    struct Shape {
        std::uint64_t key = 0;
        std::uint32_t bytes_min = 0;
        std::uint32_t bytes_max = 0;
    };

    SoakLane(SoakContent& content, const Shape& shape) : content_{content}, shape_{shape} {}

    /// @returns its size
    std::uint32_t send(braid::protocol::Mux& mux, braid::protocol::Stream& stream, Time now);

    /// Takes what was delivered and compares it.
    /// @throws Violation
    void receive(braid::protocol::Mux& mux, braid::protocol::Stream& stream, SoakReport& report);

    std::uint64_t sent() const { return sent_; }
    std::uint64_t received() const { return received_; }

private:
    void check(braid::protocol::DeliveryClass delivery, std::uint64_t number,
               std::span<const std::byte> bytes);

    SoakContent& content_;
    Shape shape_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t next_ = 0;
    braid::protocol::IntervalSet seen_;  // where they may overtake each other
};

/// Adds to the report, and notices when nothing moves or memory grows.
class SoakWatch {
public:
    SoakWatch(SoakPair& pair, const SoakOptions& options);

    SoakReport& report() { return report_; }

    /// Both are idle.
    /// @throws Violation if more memory is in use than once it was warm
    void check_memory();

    /// A fiftieth is done.
    void tell();

    /// Lets time go on until `done`.
    /// @throws Violation if no byte comes for too long before
    void run_until(const std::function<bool()>& done);

private:
    SoakPair& pair_;
    const SoakOptions& options_;
    SoakReport report_;
    Time began_;
    unsigned samples_ = 0;
};

}  // namespace sim
