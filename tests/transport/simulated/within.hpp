// What a SimulatedLink and a SimulatedDriver are wrapped around in tests: a link and a driver whose
// network is the test.
#pragma once

#include "protocol/frame_writer.hpp"
#include "protocol/link.hpp"
#include "transport/driver.hpp"
#include "transport/scripted.hpp"

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace braid::test {

/// Lossless; takes at most `room` bytes until the test takes them away.
class WithinLink final : public protocol::Link {
public:
    protocol::LinkTraits traits() const noexcept override {
        protocol::LinkTraits traits;
        traits.ordered = traits.lossless = true;
        traits.in_memory = in_memory;
        return traits;
    }
    protocol::LinkPath path() const noexcept override { return known; }
    void fill(protocol::FrameSource& source, protocol::Time now) override {
        if (error || !output.empty() || !source.pending(now)) return;
        output.resize(room);
        auto writer = in_memory ? protocol::FrameWriter{output, output.size(), beside}
                                : protocol::FrameWriter{output, output.size(), references};
        source.fill(writer, now);
        output.resize(writer.written());
    }
    void drain(protocol::FrameSink& sink, protocol::Time now) override {
        if (input.empty()) return;
        if (in_memory) {
            error = sink.receive(input, beside, now).error;
            input.clear();
            beside.clear();
            return;
        }
        const auto receipt = sink.receive(input, protocol::Framing::stream, now);
        input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(receipt.consumed));
    }
    protocol::Time deadline() const noexcept override { return protocol::never; }
    void advance(protocol::Time) override {}
    std::error_code failure() const noexcept override { return error; }

    std::size_t room = 16u << 10;
    protocol::LinkPath known;
    bool in_memory = false;
    Bytes output;
    Bytes input;
    std::vector<Message> beside;  ///< `input`
    std::error_code error;

private:
    std::vector<protocol::FrameWriter::Reference> references;
};

/// Reads what the test puts into `arriving`, writes to `written`.
class WithinDriver final : public transport::Driver {
public:
    explicit WithinDriver(WithinLink& link) : link_{link} {}

    asio::awaitable<void> read() override {
        ++reads;
        while (arriving.empty() && !link_.error) {
            const auto executor = co_await asio::this_coro::executor;
            if (!more_) more_.emplace(executor, asio::steady_timer::time_point::max());
            std::error_code ignored;
            co_await more_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        }
        link_.input.insert(link_.input.end(), arriving.begin(), arriving.end());
        arriving.clear();
    }
    bool try_write() override {
        written.insert(written.end(), link_.output.begin(), link_.output.end());
        link_.output.clear();
        return !link_.error;
    }
    asio::awaitable<void> write() override {
        try_write();
        co_return;
    }
    void finish() noexcept override { ++finished; }
    void close() noexcept override {
        closed = true;
        if (!link_.error) link_.error = asio::error::operation_aborted;
        changed();
    }

    /// Something arrived, or the link failed.
    void changed() noexcept {
        if (more_) more_->cancel();
    }

    Bytes arriving;
    Bytes written;
    int reads = 0;
    int finished = 0;
    bool closed = false;

private:
    WithinLink& link_;
    std::optional<asio::steady_timer> more_;
};

/// Message frames as they stand on a byte stream.
inline Bytes frames_of(const std::vector<Bytes>& messages) {
    ScriptedSource source;
    std::size_t room = 0;
    for (const auto& message : messages) {
        source.push(message);
        room += message.size() + protocol::frame_header_bytes_max;
    }
    Bytes result(room + protocol::frame_header_bytes_max);
    protocol::FrameWriter writer{result};
    source.fill(writer, {});
    result.resize(writer.written());
    return result;
}

}  // namespace braid::test
