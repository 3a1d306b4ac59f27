#pragma once

#include "protocol/frame_writer.hpp"
#include "protocol/link.hpp"
#include "transport/simulated/line.hpp"

#include <braid/link_simulation.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

namespace braid::transport {

/// A lossless link as if it were a bad one: what it is given leaves, and what it gets arrives, as
/// LinkSimulation says. Its traits are those of the link within, but that nothing is referred to:
/// over a network, even a simulated one, long messages go in parts.
///
/// Outgoing, frames are pulled only as fast as the simulated rate sends them, so that priorities
/// decide as they do on a real link; then they are held, and handed to the link within when they
/// are due. Incoming, what the link within delivers is held.
class SimulatedLink final : public protocol::Link {
public:
    /// Who is late may make up for as much of the rate.
    static constexpr protocol::Duration catch_up_max = std::chrono::milliseconds{100};

    /// A batch of Framing::memory has at least so much room.
    static constexpr std::size_t batch_bytes_min = 4u << 10;

    /// Told when what was held incoming has become less.
    class Observer {
    public:
        virtual void drained() noexcept = 0;

    protected:
        ~Observer() = default;
    };

    /// @param seed each direction's draws come from it
    SimulatedLink(std::unique_ptr<protocol::Link> within, const LinkSimulation& simulation,
                  std::uint64_t seed);

    protocol::LinkTraits traits() const noexcept override;
    protocol::LinkPath path() const noexcept override;
    protocol::LinkTraffic traffic() const noexcept override { return within_->traffic(); }
    void fill(protocol::FrameSource& source, protocol::Time now) override;
    bool would_fill(protocol::FrameSource& source, protocol::Time now) override;
    void drain(protocol::FrameSink& sink, protocol::Time now) override;
    protocol::Time deadline() const noexcept override;
    void advance(protocol::Time now) override;
    std::error_code failure() const noexcept override;

    // For the driver.

    void observe(Observer& observer) noexcept { observer_ = &observer; }

    /// True while nothing more is to be read: too much is held, or nothing more will come.
    bool reading_paused() const noexcept;

    /// True if the link within has got all that was to be sent.
    bool outgoing_empty() const noexcept { return outgoing_.empty(); }

    /// True if the link within has failed, and drain() has not been called since.
    bool failed_unnoticed() const noexcept { return !end_entered_ && within_->failure(); }

    /// This end closes: nothing that is held matters any more.
    void close() noexcept { closed_ = true; }

    const SimulatedLine& outgoing() const noexcept { return outgoing_; }
    const SimulatedLine& incoming() const noexcept { return incoming_; }

private:
    class Replay;
    class Capture;

    void pull(protocol::FrameSource& source, protocol::Time now);
    bool may_pull(protocol::Time now) const noexcept;
    std::size_t encode(protocol::FrameSource& source, protocol::Time now);
    void deliver(protocol::FrameSink& sink, protocol::Time now);
    void offer(protocol::FrameSink& sink, protocol::Time now);

    std::unique_ptr<protocol::Link> within_;
    protocol::LinkPath simulated_path_;
    SimulatedLine outgoing_;
    SimulatedLine incoming_;
    Observer* observer_ = nullptr;
    std::vector<std::byte> unit_;  // being made
    std::vector<std::byte> room_;  // to make it in
    std::vector<protocol::FrameWriter::Reference> references_;
    std::vector<std::byte> arrived_;  // less than a frame
    std::error_code failure_;
    protocol::Time time_{};
    bool waits_for_rate_ = false;  // the source has more
    bool end_entered_ = false;     // the failure of the link within is on its way
    bool end_arrived_ = false;
    bool closed_ = false;
};

}  // namespace braid::transport
