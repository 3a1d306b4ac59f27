#pragma once

#include "protocol/link.hpp"
#include "transport/mpsc/batch.hpp"

#include <braid/error.hpp>

#include <cstddef>
#include <memory>
#include <system_error>
#include <vector>

namespace braid::transport {

/// Frames in batches that the other end of the process takes as they are. Nothing is lost, changed
/// or seen by others on the way.
class MpscLink final : public protocol::Link {
public:
    /// How much a batch holds: the less when little is going on, the more when it was filled.
    static constexpr std::size_t batch_bytes_min = 4u << 10;
    static constexpr std::size_t batch_bytes_max = 64u << 10;

    /// What a batch weighs at most with the large messages beside it, unless it is one message.
    static constexpr std::size_t budget_bytes = 256u << 10;

    MpscLink() = default;
    MpscLink(const MpscLink&) = delete;
    MpscLink& operator=(const MpscLink&) = delete;

    protocol::LinkTraits traits() const noexcept override;
    protocol::LinkPath path() const noexcept override { return {}; }
    void fill(protocol::FrameSource& source, protocol::Time now) override;
    void drain(protocol::FrameSink& sink, protocol::Time now) override;
    protocol::Time deadline() const noexcept override { return protocol::never; }
    void advance(protocol::Time) override {}
    std::error_code failure() const noexcept override { return failure_; }

    // For the driver.

    /// Batches that arrived go in here. After drain() they are done with, and stay until the driver
    /// takes them out.
    std::vector<std::unique_ptr<Batch>>& input() noexcept { return input_; }

    /// What is to be sent next; null if nothing is.
    bool has_output() const noexcept { return filled_; }

    /// The batch, to be sent or to be used next.
    std::unique_ptr<Batch>& batch() noexcept { return batch_; }
    void sent() noexcept { filled_ = false; }

    /// The peer will send no more. A peer that leaves says so in a frame first; the end of the
    /// lane alone means that it is lost.
    void end() noexcept { fail(errc::participant_lost); }

    /// The first error stays. What was to be sent is dropped.
    void fail(std::error_code error) noexcept;

private:
    void take(protocol::FrameSource& source, protocol::Time now);

    std::vector<std::unique_ptr<Batch>> input_;
    std::unique_ptr<Batch> batch_;
    bool filled_ = false;
    std::size_t wanted_bytes_ = batch_bytes_min;
    std::error_code failure_;
};

}  // namespace braid::transport
