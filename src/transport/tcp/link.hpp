#pragma once

#include "protocol/link.hpp"
#include "transport/output_buffer.hpp"

#include <braid/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

namespace braid::transport {

/// Frames back to back on a byte stream. Nothing is lost, so nothing is acknowledged here.
class TcpLink final : public protocol::Link {
public:
    /// How much is asked of the source at once: what leaves in `budget_time`, so that an urgent
    /// message waits no longer than that for what was encoded before it.
    static constexpr std::size_t budget_bytes_min = 16u << 10;
    static constexpr std::size_t budget_bytes_max = 256u << 10;
    static constexpr protocol::Duration budget_time = std::chrono::milliseconds{4};

    /// The longest part of a frame that can be left over.
    static constexpr std::size_t leftover_bytes_max =
        protocol::frame_payload_bytes_max + protocol::frame_header_bytes_max;

    /// `leftover` came with the last bytes of the handshake; it is copied.
    explicit TcpLink(std::span<const std::byte> leftover = {});
    ~TcpLink() override;
    TcpLink(const TcpLink&) = delete;
    TcpLink& operator=(const TcpLink&) = delete;

    protocol::LinkTraits traits() const noexcept override;
    protocol::LinkPath path() const noexcept override { return path_; }
    protocol::LinkTraffic traffic() const noexcept override { return traffic_; }
    void fill(protocol::FrameSource& source, protocol::Time now) override;
    void drain(protocol::FrameSink& sink, protocol::Time now) override;
    protocol::Time deadline() const noexcept override { return protocol::never; }
    void advance(protocol::Time) override {}
    std::error_code failure() const noexcept override { return failure_; }

    // For the driver.

    /// Bytes that arrived; they, and the `leftover_bytes_max` bytes in front of them, which the
    /// link writes to, must stay until drain() returns.
    void input(std::span<std::byte> bytes) noexcept {
        input_ = bytes;
        traffic_.bytes_received += bytes.size();
    }
    bool has_input() const noexcept { return !input_.empty() || fresh_leftover_; }

    /// The peer will send no more. A peer that leaves says so in a frame first; the end of the
    /// stream alone means that it is lost.
    void end() noexcept { fail(errc::participant_lost); }

    /// The first error stays. What was to be sent is dropped.
    void fail(std::error_code error) noexcept;

    /// What is to be sent next, in order.
    /// @returns how many segments were written
    std::size_t pending(std::span<std::span<const std::byte>> segments) const noexcept;
    bool has_pending() const noexcept { return output_ != nullptr; }

    /// The first `bytes` of what is pending have been sent.
    void sent(std::size_t bytes) noexcept;

    /// @param rate_min what the path carries at least, where its rate is not known
    void measured(protocol::LinkPath path, std::uint64_t rate_min) noexcept {
        path_ = path;
        rate_min_ = rate_min;
    }

    /// When fill() was last called.
    protocol::Time time() const noexcept { return time_; }

private:
    std::size_t budget() const noexcept;
    void offer(std::span<const std::byte> bytes, protocol::FrameSink& sink, protocol::Time now);

    std::span<std::byte> input_;
    std::vector<std::byte> leftover_;  // an incomplete frame; holds no memory while empty
    bool fresh_leftover_ = false;      // not offered yet
    std::unique_ptr<OutputBuffer> output_;
    std::error_code failure_;
    protocol::LinkPath path_;
    protocol::LinkTraffic traffic_;
    std::uint64_t rate_min_ = 0;
    protocol::Time time_{};
};

}  // namespace braid::transport
