#include "transport/tcp/driver.hpp"

#include "transport/socket_io.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace braid::transport {

namespace {

using asio::ip::tcp;

constexpr std::size_t read_bytes = 256u << 10;

// Whoever always finds the socket ready gives way after this much.
constexpr std::size_t turn_bytes = 1u << 20;

constexpr std::size_t unsent_bytes_min = 16u << 10;
// A fast path may stall: what the system holds then is what an urgent message waits behind.
constexpr std::size_t unsent_bytes_max = 256u << 10;

constexpr protocol::Duration measure_interval = std::chrono::milliseconds{10};
// Little says nothing about the rate, and thousands of participants who are sent little each tick
// should not cost a system call more each.
constexpr protocol::Duration measure_interval_little = std::chrono::milliseconds{100};

// How often a writer that met a broken connection waits for the reader to come to its end.
constexpr int reader_rounds_max = 64;

/// What a thread reads into: nothing is awaited between a read and the drain() that empties it, so
/// one buffer serves all connections. The link's leftover goes in front.
std::span<std::byte> read_buffer() {
    thread_local const auto buffer =
        std::make_unique_for_overwrite<std::byte[]>(TcpLink::leftover_bytes_max + read_bytes);
    return {buffer.get() + TcpLink::leftover_bytes_max, read_bytes};
}

/// Errors after which what the peer sent before can still be read.
bool peer_gone(std::error_code error) noexcept {
    return error == asio::error::broken_pipe || error == asio::error::connection_reset ||
           error == asio::error::connection_aborted;
}

}  // namespace

TcpDriver::TcpDriver(tcp::socket socket, TcpLink& link) noexcept
    : socket_{std::move(socket)}, link_{link}, unsent_limit_{unsent_bytes_min} {
    socket_io::limit_unsent(socket_, unsent_limit_);
}

asio::awaitable<void> TcpDriver::read() {
    if (link_.has_input()) co_return;
    if (turn_read_ >= turn_bytes) {
        turn_read_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!link_.failure()) {
        std::size_t size = 0;
        if (!more_to_read_) {
            turn_read_ = 0;
            std::error_code error;
            // Cheaper than to wait and then read: asio asks the system to tell of readiness once,
            // not before each wait.
            size = co_await socket_.async_read_some(
                asio::buffer(first_), asio::redirect_error(asio::use_awaitable, error));
            if (error == asio::error::eof && !closed_) {
                link_.end();
            } else {
                waited(error);
            }
        }
        if (!link_.failure() && read_now(size)) co_return;
    }
}

/// Adds what has arrived behind the `size` bytes that were read already.
/// @returns false if there was nothing
bool TcpDriver::read_now(std::size_t size) {
    const auto buffer = read_buffer();
    std::memcpy(buffer.data(), first_.data(), size);
    more_to_read_ = false;
    if (size == 0 || size == first_.size()) {
        std::error_code error;
        const auto rest = buffer.subspan(size);
        const auto more = socket_io::receive(socket_, rest, error);
        more_to_read_ = more == rest.size();
        size += more;
        // An error behind what was read comes again when there is nothing before it.
        if (size == 0) {
            if (error == asio::error::would_block) return false;
            error == asio::error::eof ? link_.end() : link_.fail(error);
            return true;
        }
    }
    turn_read_ += size;
    link_.input(buffer.first(size));
    return true;
}

bool TcpDriver::try_write() {
    if (turn_written_ >= turn_bytes) return false;
    while (!link_.failure() && link_.has_pending()) {
        if (!write_now() || broken_) return false;
    }
    if (link_.failure()) return false;
    measure();
    return !must_wait_to_write();
}

asio::awaitable<void> TcpDriver::write() {
    if (turn_written_ >= turn_bytes) {
        turn_written_ = 0;
        co_await asio::post(asio::use_awaitable);
    }
    while (!link_.failure() && link_.has_pending()) {
        if (!write_now()) {
            co_await wait_to_write();
        }
        if (broken_) {
            co_await let_reader_finish();
            co_return;
        }
    }
    if (link_.failure()) co_return;
    measure();
    if (must_wait_to_write()) co_await wait_to_write();
}

/// @returns false if the system takes nothing now
bool TcpDriver::write_now() {
    std::array<socket_io::Segment, socket_io::segments_max> segments;
    const auto count = link_.pending(segments);
    std::error_code error;
    const auto size = socket_io::send(socket_, std::span{segments}.first(count), error);
    if (error == asio::error::would_block) return false;
    if (peer_gone(error)) {
        broken_ = error;
    } else if (error) {
        link_.fail(error);
    }
    link_.sent(size);
    unchecked_bytes_ += size;
    accepted_bytes_ += size;
    turn_written_ += size;
    return true;
}

/// Asks the system only when what was written since it last said yes could make it say no.
bool TcpDriver::must_wait_to_write() {
    if (unchecked_bytes_ < unsent_limit_ / 2) return false;
    if (!socket_io::writable(socket_)) return true;
    unchecked_bytes_ = 0;
    return false;
}

void TcpDriver::measure() noexcept {
    const auto now = link_.time();
    const bool little = !blocked_ && accepted_bytes_ < unsent_bytes_min;
    const auto interval = little ? measure_interval_little : measure_interval;
    if (accepted_bytes_ == 0 || now - measured_at_ < interval) return;
    measured_at_ = now;
    protocol::LinkPath path;
    if (const auto sample = socket_io::sample_path(socket_)) {
        meter_.sampled(sample->rate_bytes_per_second, sample->saturated);
        path.round_trip_time = sample->round_trip_time;
    } else {
        meter_.accepted(accepted_bytes_, blocked_, now);
    }
    accepted_bytes_ = 0;
    blocked_ = false;
    path.rate_bytes_per_second = meter_.bytes_per_second();
    link_.measured(path, meter_.bytes_per_second_min());

    const auto seconds = std::chrono::duration<double>(TcpLink::budget_time).count();
    const auto in_budget = static_cast<double>(meter_.bytes_per_second_min()) * seconds;
    const auto limit = static_cast<std::size_t>(std::clamp(
        in_budget, static_cast<double>(unsent_bytes_min), static_cast<double>(unsent_bytes_max)));
    // Small changes are not worth a system call.
    if (limit < unsent_limit_ - unsent_limit_ / 4 || limit > unsent_limit_ + unsent_limit_ / 4) {
        unsent_limit_ = limit;
        socket_io::limit_unsent(socket_, limit);
    }
}

asio::awaitable<void> TcpDriver::wait_to_write() {
    blocked_ = true;
    turn_written_ = 0;
    std::error_code error;
    co_await socket_.async_wait(tcp::socket::wait_write,
                                asio::redirect_error(asio::use_awaitable, error));
    waited(error);
    unchecked_bytes_ = 0;
}

void TcpDriver::waited(std::error_code error) noexcept {
    if (closed_) error = asio::error::operation_aborted;
    if (error) link_.fail(error);
}

/// A peer that leaves closes its socket, which can break a write here before its last words were
/// read. They come first: the reader ends the link when it has seen them.
asio::awaitable<void> TcpDriver::let_reader_finish() {
    for (int round = 0; round < reader_rounds_max && !link_.failure(); ++round) {
        std::error_code error;
        co_await socket_.async_wait(tcp::socket::wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
        waited(error);
    }
    link_.fail(broken_);
}

void TcpDriver::finish() noexcept {
    std::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TcpDriver::close() noexcept {
    if (std::exchange(closed_, true)) return;
    std::error_code ignored;
    socket_.close(ignored);
    link_.fail(asio::error::operation_aborted);
}

}  // namespace braid::transport
