#pragma once

#include "protocol/mux_port.hpp"
#include "runtime/clock.hpp"
#include "transport/bell.hpp"
#include "transport/driver.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <system_error>

namespace braid::runtime {

/// What a channel tells its participant, on the strand.
class ChannelEvents {
public:
    /// The mux has got all that arrived.
    virtual void received(protocol::Time now) = 0;

    /// The link has taken what it had room for.
    virtual void filled(protocol::Time now) = 0;

    /// The link has carried all there was. The last word has been said if it was asked for.
    virtual bool said_goodbye() const noexcept = 0;

    /// Nothing comes or goes any more. The last event.
    virtual void channel_ended(std::error_code reason) = 0;

protected:
    ~ChannelEvents() = default;
};

/// One way to a participant: the two loops that move its frames, and all of braid's waiting for
/// the network. On the participant's strand.
class Channel final : public std::enable_shared_from_this<Channel> {
public:
    /// @param events kept alive while the loops run
    Channel(std::shared_ptr<ChannelEvents> events, std::shared_ptr<Clock> clock,
            transport::Connection connection) noexcept;

    protocol::Link& link() noexcept { return *connection_.link; }

    /// Begins to move frames between the mux and the network.
    void start(const asio::any_io_executor& strand, protocol::MuxPort& port);

    /// There may be something to send: it is sent within this call if nothing has to be waited for.
    void wake();

    /// Hands the mux what the system has received by now and nobody has read yet. wake() is to
    /// follow.
    void catch_up(protocol::Time now);

    /// Does what its link has due by now. wake() is to follow.
    void advance(protocol::Time now);

    /// Stops; channel_ended() follows.
    void close() noexcept;

    /// The context dies: no event follows.
    void drop() noexcept;

private:
    // What came in time counts if a deadline is noticed later than this: the process stood still.
    static constexpr protocol::Duration late = std::chrono::milliseconds{10};

    static asio::awaitable<void> read(std::shared_ptr<Channel> self);
    static asio::awaitable<void> write(std::shared_ptr<Channel> self);
    bool fill();
    bool pump();
    void loop_ended();

    std::shared_ptr<ChannelEvents> events_;
    std::shared_ptr<Clock> clock_;
    transport::Connection connection_;
    protocol::MuxPort* port_ = nullptr;
    transport::Bell bell_;
    int loops_ = 0;
    bool idle_ = false;     // the writing loop waits for the bell
    bool pumping_ = false;  // wake() is at work
    bool again_ = false;    // and was called within itself
    bool goodbye_ = false;
};

}  // namespace braid::runtime
