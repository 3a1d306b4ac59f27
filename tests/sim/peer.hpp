#pragma once

#include "protocol/mux.hpp"
#include "sim/arrivals.hpp"
#include "sim/plan.hpp"
#include "sim/random.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sim {

using braid::protocol::Block;
using braid::protocol::DeliveryClass;
using braid::protocol::Mux;
using braid::protocol::MuxOptions;
using braid::protocol::Stream;

/// One end of a stream, as an application sees it, with all that it ever sent and received there.
struct End {
    StreamPlan* plan = nullptr;
    std::uint64_t id = 0;
    bool opener = false;
    Stream* stream = nullptr;  ///< until it is released
    DeliveryClass delivery{};

    // Sending.
    std::vector<std::uint32_t> sent;  ///< sizes
    std::vector<Time> sent_at;
    std::uint64_t refused = 0;  ///< the queue was full
    std::size_t queued_bytes = 0;
    bool finished = false;
    bool send_closed = false;
    std::uint64_t confirmed = 0;  ///< when last looked
    std::vector<bool> asked;      ///< for a receipt
    std::vector<bool> reported;   ///< with one

    // Receiving.
    std::vector<bool> seen;
    std::uint64_t received = 0;
    std::uint64_t received_empty = 0;
    std::uint64_t number_next = 0;
    bool ended = false;
    bool readable = false;
    Time read_at{};

    const Flow& flow_out() const { return plan->flows[opener ? 0 : 1]; }
    const Flow& flow_in() const { return plan->flows[opener ? 1 : 0]; }
    bool cut_out() const { return plan->cut[opener ? 0 : 1]; }
    bool cut_in() const { return plan->cut[opener ? 1 : 0]; }
    std::uint64_t key() const { return id * 2 + (opener ? 0 : 1); }
};

/// A mux and the application on top of it.
class Peer {
public:
    using Delivered = std::function<void(const End&, std::uint64_t index, std::size_t bytes, Time)>;

    Peer(std::size_t side, const MuxOptions& options, std::uint64_t seed);
    ~Peer();

    /// @returns nullptr if the other side allows no more streams yet
    End* open(StreamPlan& plan, Time now);
    bool send(End& end, std::size_t bytes, Time now);
    void finish(End& end, Time now);
    void end_early(End& end, Ending how, Time now);
    void release(End& end, Time now);
    void release_all(Time now);

    /// Looks at what changed, and reads where it is time to.
    void run(Time now, std::deque<StreamPlan>& plans);
    void read_everything_from_now_on() { reads_all_ = true; }
    bool reads_everything() const { return reads_all_; }

    /// When there is something to read later.
    Time deadline() const;
    void check_step(const Peer& other);
    /// Every message is delivered as soon as all of it is here, whatever others miss.
    void check_arrivals(Arrivals& arrivals);
    /// When all has arrived: reads it.
    void check_receipts(Time now);

    Mux mux;
    Peer* other = nullptr;
    std::map<std::uint64_t, End> ends;
    Delivered on_delivered;
    std::uint64_t trace = 0;

    /// Both halves of each stream that is left, in numbers.
    std::string state();

    std::uint64_t blocks_alive() const { return blocks_alive_; }

private:
    struct Watched {
        std::uint64_t announced = 0;
        std::uint64_t limit = 0;
    };

    static void recycle(Block& block);
    Block& room_for(std::size_t bytes);
    void changed(Stream& stream, std::deque<StreamPlan>& plans, Time now);
    void check_settled(End& end);
    void read(End& end, Time now);
    bool is_time_to_read(End& end, Time now);
    void check(End& end, std::uint64_t number, std::span<const std::byte> bytes, Time now);
    std::uint64_t index_in_class(End& end, std::uint64_t number, std::span<const std::byte> bytes);
    void note_progress(End& end);
    void take_receipts(End& end);
    std::string name(const End& end) const;

    std::size_t side_;
    Random random_;
    Block* block_ = nullptr;  // the piece of an intake log that is being filled
    std::uint32_t block_used_ = 0;
    std::uint64_t blocks_alive_ = 0;
    bool reads_all_ = false;
    std::map<std::uint64_t, Watched> watched_;
};

}  // namespace sim
