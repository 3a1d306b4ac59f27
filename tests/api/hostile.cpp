#include "api/hostile.hpp"

#include "protocol/prefix_varint.hpp"

#include <arpa/inet.h>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace hostile {

namespace {

using namespace std::chrono_literals;
namespace protocol = braid::protocol;

// Enough to let other things happen in between, and many exchanges in each test.
constexpr auto pause_between_rounds = 1ms;

constexpr std::size_t flood_message_bytes = 4096;
constexpr std::size_t flood_messages_max = 16'384;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error{std::string{what} + ": " + std::system_category().message(errno)};
}

}  // namespace

Bytes& Bytes::u8(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value));
    return *this;
}

Bytes& Bytes::u16(unsigned value) { return u8(value & 0xff).u8(value >> 8); }

Bytes& Bytes::u64(std::uint64_t value) {
    for (int i = 0; i < 8; ++i, value >>= 8) u8(static_cast<unsigned>(value & 0xff));
    return *this;
}

Bytes& Bytes::number(std::uint64_t value) {
    std::array<std::byte, protocol::prefix_varint_bytes_max> encoded;
    const auto size = protocol::encode_prefix_varint(value, encoded.data());
    return add(std::span<const std::byte>{encoded}.first(size));
}

Bytes& Bytes::long_number(std::uint64_t value) {
    const auto size = protocol::prefix_varint_bytes(value) + 1;
    std::array<std::byte, protocol::prefix_varint_bytes_max> encoded;
    for (std::size_t i = size; i-- > 0; value >>= 8) encoded[i] = static_cast<std::byte>(value);
    encoded[0] |= static_cast<std::byte>((0xff00u >> (size - 1)) & 0xffu);
    return add(std::span<const std::byte>{encoded}.first(size));
}

Bytes& Bytes::text(std::string_view value) { return add(std::as_bytes(std::span{value})); }

Bytes& Bytes::fill(std::size_t count, unsigned value) {
    bytes_.insert(bytes_.end(), count, static_cast<std::byte>(value));
    return *this;
}

Bytes& Bytes::add(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
}

Bytes ping() { return Bytes{}.u8(0x01); }

Bytes open(const Open& fields) {
    return Bytes{}
        .u8(0x06)
        .number(fields.slot)
        .u64(fields.id)
        .u8(fields.priority)
        .u8(fields.promises)
        .number(fields.bandwidth)
        .number(fields.credit)
        .number(static_cast<std::uint64_t>(fields.use))
        .number(0);
}

Bytes message(std::uint64_t slot, unsigned number, std::span<const std::byte> payload) {
    return Bytes{}
        .u8(0xb0u | static_cast<unsigned>(slot))
        .u16(number)
        .number(payload.size())
        .add(payload);
}

Bytes message(std::uint64_t slot, unsigned number, std::size_t bytes) {
    return message(slot, number, Bytes{}.fill(bytes).view());
}

Bytes fragment(std::uint64_t slot, unsigned number, std::uint64_t offset, std::uint64_t total,
               std::size_t bytes) {
    Bytes frame;
    frame.u8(0xf0u | static_cast<unsigned>(slot)).u16(number);
    frame.number(offset * 2 + (total != 0 ? 1 : 0));
    if (total != 0) frame.number(total);
    return frame.number(bytes).fill(bytes);
}

Arena::Arena(const braid::Limits& limits, braid::LogLevel level) {
    const auto options = braid::NetworkOptions{}.limits(limits).application("arena", "1");
    server_.emplace(server_pid(), context_.get_executor(),
                    braid::NetworkOptions{options}.log_level(level));
    // The client is patient: the limits are there to be tested on others.
    const auto client_options =
        braid::NetworkOptions{}.application("arena", "1").log_level(braid::LogLevel::off);
    client_.emplace(client_pid(), context_.get_executor(), client_options);
    asio::co_spawn(context_, serve(), asio::detached);
    for (int i = 0; i < 2; ++i) threads_.emplace_back([this] { context_.run(); });
    if (!client_lives()) throw std::runtime_error{"the client does not even connect"};
    before_ = server_->stats();
}

Arena::~Arena() {
    context_.stop();
    for (auto& each : threads_) each.join();
}

bool Arena::client_lives() {
    std::unique_lock lock{mutex_};
    const auto before = rounds_;
    changed_.wait_for(lock, patience, [&] { return client_lost_ || rounds_ >= before + 2; });
    return !client_lost_ && rounds_ >= before + 2;
}

braid::NetworkStats Arena::stats() const {
    auto stats = server_->stats();
    stats.handshakes_refused -= before_.handshakes_refused;
    stats.handshakes_failed -= before_.handshakes_failed;
    stats.violations -= before_.violations;
    return stats;
}

bool Arena::eventually(const std::function<bool(const braid::NetworkStats&)>& expected) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!expected(stats())) {
        if (std::chrono::steady_clock::now() > deadline || !client_lives()) return false;
    }
    return true;
}

Arena::End Arena::next_end() {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return !ends_.empty(); })) {
        throw std::runtime_error{"no participant ends"};
    }
    auto end = std::move(ends_.front());
    ends_.pop_front();
    return end;
}

std::error_code Arena::next_stream_end() {
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return !stream_ends_.empty(); })) {
        throw std::runtime_error{"no stream ends"};
    }
    const auto error = stream_ends_.front();
    stream_ends_.pop_front();
    return error;
}

std::size_t Arena::streams_seen() const {
    const std::lock_guard lock{mutex_};
    return streams_seen_;
}

asio::awaitable<void> Arena::serve() {
    auto listener = co_await server_->listen("tcp://127.0.0.1:0");
    port_ = listener.address().port();
    asio::co_spawn(context_, exchange(), asio::detached);
    for (;;) {
        auto participant = co_await server_->connected();
        const bool known = participant.pid() == client_pid();
        asio::co_spawn(context_,
                       known ? echo(std::move(participant)) : watch(std::move(participant)),
                       asio::detached);
    }
}

asio::awaitable<void> Arena::echo(braid::Participant participant) {
    auto stream = co_await participant.opened();
    for (;;) stream.send(co_await stream.recv<std::uint32_t>());
}

asio::awaitable<void> Arena::watch(braid::Participant participant) {
    End end;
    std::vector<braid::Stream> held;
    std::size_t streams = 0;
    try {
        for (;;) {
            auto stream = co_await participant.opened();
            ++streams;
            switch (static_cast<Use>(stream.options().tag)) {
                case Use::read:
                    asio::co_spawn(context_, read(std::move(stream)), asio::detached);
                    break;
                case Use::flood:
                    asio::co_spawn(context_, flood(std::move(stream)), asio::detached);
                    break;
                default: held.push_back(std::move(stream));
            }
        }
    } catch (const braid::ParticipantError& error) {
        end.error = error.code();
    }
    end.reason = participant.close_reason();
    const std::lock_guard lock{mutex_};
    ends_.push_back(std::move(end));
    streams_seen_ = std::max(streams_seen_, streams);
    changed_.notify_all();
}

asio::awaitable<void> Arena::read(braid::Stream stream) {
    try {
        for (;;) co_await stream.recv<braid::Message>();
    } catch (const braid::StreamError& error) {
        note_stream_end(error.code());
    }
}

asio::awaitable<void> Arena::flood(braid::Stream stream) {
    const std::vector<std::byte> bytes(flood_message_bytes);
    std::error_code error;
    for (std::size_t i = 0; i < flood_messages_max && !error; ++i) {
        error = stream.try_send(std::span{bytes});
    }
    note_stream_end(error);
    try {
        for (;;) co_await stream.recv<braid::Message>();
    } catch (const braid::StreamError&) {
    }
}

asio::awaitable<void> Arena::exchange() {
    try {
        auto participant = co_await connect();
        auto stream = co_await participant.open();
        asio::steady_timer pause{co_await asio::this_coro::executor};
        for (std::uint32_t round = 0;; ++round) {
            stream.send(round);
            if (co_await stream.recv<std::uint32_t>() != round) break;
            {
                const std::lock_guard lock{mutex_};
                ++rounds_;
                changed_.notify_all();
            }
            pause.expires_after(pause_between_rounds);
            co_await pause.async_wait(asio::use_awaitable);
        }
    } catch (const std::exception&) {
    }
    const std::lock_guard lock{mutex_};
    client_lost_ = true;
    changed_.notify_all();
}

// On a busy machine a handshake may take longer than the limits that are tested allow.
asio::awaitable<braid::Participant> Arena::connect() {
    constexpr int attempts = 20;
    const auto address = braid::ConnectAddr::tcp("127.0.0.1", port_);
    for (int i = 0; i < attempts; ++i) {
        try {
            auto participant = co_await client_->connect(address);
            co_return participant;
        } catch (const braid::NetworkError&) {
        }
    }
    throw std::runtime_error{"the client does not even connect"};
}

void Arena::note_stream_end(std::error_code error) {
    const std::lock_guard lock{mutex_};
    stream_ends_.push_back(error);
    changed_.notify_all();
}

Peer::Peer(const Arena& arena) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
    if (socket_ < 0) fail("socket");
    timeval limit{};
    limit.tv_sec = patience.count();
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(arena.port());
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        ::close(socket_);
        fail("connect");
    }
}

Peer::Peer(Peer&& other) noexcept : socket_{std::exchange(other.socket_, -1)} {}

Peer::~Peer() {
    if (socket_ >= 0) ::close(socket_);
}

protocol::Hello Peer::hello() {
    static std::atomic<std::uint32_t> peers{0};
    protocol::Hello hello;
    // Lower than the server's, so that this end opens even ids.
    auto number = ++peers;
    for (std::size_t i = 12; i < 16; ++i, number >>= 8) {
        hello.pid.bytes[i] = static_cast<std::uint8_t>(number);
    }
    hello.application_name = "arena";
    hello.application_version = "1";
    hello.stream_credit = 1u << 20;
    hello.participant_credit = 1u << 20;
    hello.streams = 16;
    hello.message_bytes_max = 16u << 20;
    hello.idle_ms = 60'000;
    return hello;
}

Bytes Peer::encoded(const protocol::Hello& hello) {
    return Bytes{}.add(protocol::encode_hello(hello, protocol::HandshakeSide::dialling));
}

void Peer::shake_hands(const protocol::Hello& said) {
    send(encoded(said));
    protocol::HandshakeReader reader{protocol::HandshakeSide::accepting};
    for (;;) {
        // No byte further: what follows is not ours to throw away.
        std::byte next{};
        if (::recv(socket_, &next, 1, 0) != 1) fail("no answer to the hello");
        std::span<const std::byte> in{&next, 1};
        switch (reader.read(in)) {
            case protocol::HandshakeStatus::incomplete: break;
            case protocol::HandshakeStatus::hello: return;
            default: throw std::runtime_error{"refused: " + reader.refusal().text};
        }
    }
}

void Peer::join() {
    shake_hands(hello());
    send(ping());
}

bool Peer::send(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
        if (sent < 0) fail("send");
        bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return true;
}

std::vector<std::byte> Peer::read_to_end() {
    std::vector<std::byte> all;
    std::array<std::byte, 4096> buffer;
    for (;;) {
        const auto size = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size == 0 || (size < 0 && (errno == ECONNRESET || errno == EPIPE))) return all;
        if (size < 0) fail("the server does not close");
        all.insert(all.end(), buffer.begin(), buffer.begin() + size);
    }
}

bool Peer::sees_end() {
    read_to_end();
    return true;
}

bool Peer::readable(std::chrono::milliseconds within) const {
    pollfd waiting{socket_, POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(within.count())) == 1;
}

void Peer::finish() { ::shutdown(socket_, SHUT_WR); }

void Peer::reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
}

}  // namespace hostile
