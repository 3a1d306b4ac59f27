#pragma once

#include "transport/doorbell.hpp"
#include "transport/mpsc/batch.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace braid::transport {

/// A bounded ring of batches from one end to the other. Each end calls from its own strand.
class Lane {
public:
    static constexpr std::size_t batches_max = 16;

    /// No batch is taken on top of so much.
    static constexpr std::size_t bytes_max = 768u << 10;

    /// The reader gets no batch on top of so much at once: what it answers with goes back early,
    /// and messages that it is done with are freed one by one.
    static constexpr std::size_t taken_bytes_max = 256u << 10;

    /// A batch that is no larger waits to be used again, even if nothing is going on.
    static constexpr std::size_t spare_bytes_idle = 4u << 10;

    enum class Pushed {
        room,  ///< taken, and there is room for more
        full,  ///< taken, and that was all
        no,    ///< not taken: there was no room
        gone,  ///< nobody takes anything any more
    };
    enum class Taken { batches, nothing, end };

    Lane() = default;
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    // The end that writes.

    void set_writer(std::shared_ptr<Doorbell> bell);

    /// If `batch` is taken, it is replaced with a spare one, or with none.
    Pushed push(std::unique_ptr<Batch>& batch);

    /// True if there is room; else the writer's bell will ring when there is. True as well if that
    /// does not matter any more.
    bool has_room();

    /// Nothing more will come after what was pushed.
    void finish();

    // The end that reads.

    void set_reader(std::shared_ptr<Doorbell> bell);

    /// Replaces what is in `batches`, with which the reader is done, with the next that were
    /// pushed, after which there is room. If these are none but may be some later, the reader's
    /// bell will ring then.
    Taken take(std::vector<std::unique_ptr<Batch>>& batches);

    /// Nothing more will be taken.
    void close();

private:
    static constexpr std::size_t spares_max = 4;

    void keep_spares(std::vector<std::unique_ptr<Batch>>& done) noexcept;
    void drop_large_spares() noexcept;
    bool full() const noexcept { return count_ == batches_max || weight_ >= bytes_max; }

    std::mutex mutex_;
    std::array<std::unique_ptr<Batch>, batches_max> ring_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
    std::size_t weight_ = 0;
    std::array<std::unique_ptr<Batch>, spares_max> spares_;
    std::size_t spare_count_ = 0;
    bool finished_ = false;
    bool closed_ = false;
    bool reader_waits_ = false;
    bool writer_waits_ = false;
    std::shared_ptr<Doorbell> reader_;
    std::shared_ptr<Doorbell> writer_;
};

}  // namespace braid::transport
