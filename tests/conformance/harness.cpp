#include "conformance/harness.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/redirect_error.hpp>

#include <optional>

namespace conformance {

void carry_out(awaitable<void> (*body)(const Transport&), const Transport& transport) {
    trial::run(body(transport));
}

void carry_out(void (*body)(const Transport&), const Transport& transport) { body(transport); }

awaitable<Pair> make_pair(const Transport& transport, braid::Limits server, braid::Limits client) {
    return trial::make_pair_at(transport.free_address, with(server), with(client));
}

bool is_system_error(std::error_code error, std::errc name) {
    const std::error_code with_asio{static_cast<int>(name), asio::error::get_system_category()};
    return error == name || error == with_asio;
}

braid::NetworkOptions quiet() { return with({}); }

braid::StreamOptions promising(braid::Promises promises) {
    braid::StreamOptions options;
    options.promises = promises;
    return options;
}

braid::Limits roomy() {
    constexpr std::size_t much = 256u << 20;
    braid::Limits limits;
    limits.stream_send_queue_bytes = much;
    limits.participant_send_queue_bytes = much;
    limits.stream_receive_window_bytes = much;
    limits.stream_receive_window_bytes_max = much;
    limits.participant_receive_window_bytes = much;
    limits.participant_receive_window_bytes_max = much;
    limits.lossy_receive_queue_bytes = much;
    return limits;
}

namespace {

// Odd factors: neither a shift nor another seed gives the same bytes.
std::byte pattern_at(std::size_t i, unsigned seed) {
    const std::size_t mixed = (i * 2'654'435'761u) ^ (seed * 40'503u);
    return static_cast<std::byte>(mixed ^ (mixed >> 8) ^ (mixed >> 16));
}

}  // namespace

std::vector<std::byte> pattern(std::size_t size, unsigned seed) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern_at(i, seed);
    return bytes;
}

bool is_pattern(std::span<const std::byte> bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != pattern_at(i, seed)) return false;
    }
    return true;
}

std::vector<std::byte> repetitive(std::size_t size, unsigned seed) {
    return std::vector<std::byte>(size, static_cast<std::byte>(seed));
}

awaitable<void> send_numbers(braid::Stream& stream, int first, int end) {
    for (int i = first; i < end; ++i) {
        std::error_code error;
        while ((error = stream.try_send(i)) == braid::errc::send_queue_full) {
            co_await stream.writable(64u << 10);
        }
        REQUIRE_FALSE(error);
    }
}

awaitable<void> expect_numbers(braid::Stream& stream, int first, int end) {
    for (int i = first; i < end; ++i) {
        const auto value = co_await stream.recv<int>();
        REQUIRE(value == i);
    }
}

awaitable<void> expect_end(braid::Stream& stream) {
    const auto more = co_await stream.next<braid::Message>();
    CHECK_FALSE(more.has_value());
}

struct Aside::State {
    explicit State(const asio::any_io_executor& executor) : wake{executor} {}

    asio::cancellation_signal signal;
    asio::steady_timer wake;
    std::optional<std::exception_ptr> end;
};

Aside::Aside(asio::any_io_executor executor, awaitable<void> coroutine)
    : state_{std::make_shared<State>(executor)} {
    state_->wake.expires_at(asio::steady_timer::time_point::max());
    asio::co_spawn(executor, std::move(coroutine),
                   asio::bind_cancellation_slot(state_->signal.slot(),
                                                [state = state_](std::exception_ptr error) {
                                                    state->end = error;
                                                    state->wake.cancel();
                                                }));
}

bool Aside::done() const noexcept { return state_->end.has_value(); }

void Aside::cancel() { state_->signal.emit(asio::cancellation_type::terminal); }

awaitable<void> Aside::joined() { return join(state_); }

awaitable<void> Aside::join(std::shared_ptr<State> state) {
    while (!state->end) {
        std::error_code ignored;
        co_await state->wake.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (*state->end) std::rethrow_exception(*state->end);
}

std::error_code Aside::error() const {
    if (!state_->end || !*state_->end) return {};
    return thrown_by([&] { std::rethrow_exception(*state_->end); });
}

Apart::Apart(const Transport& transport, braid::Limits server, braid::Limits client) {
    std::optional<braid::Network> serving{std::in_place, server_context.get_executor(),
                                          with(server)};
    std::optional<braid::Network> dialling{std::in_place, client_context.get_executor(),
                                           with(client)};
    std::optional<braid::Listener> listener;
    std::optional<braid::Participant> at_server;
    std::optional<braid::Participant> at_client;
    const auto meet = [&]() -> awaitable<void> {
        auto listening = co_await serving->listen(transport.free_address);
        listener.emplace(std::move(listening));
        auto connected = co_await serving->connected();
        at_server.emplace(std::move(connected));
    };
    Aside met{server_context.get_executor(), meet()};
    while (!listener && !met.done()) server_context.run_one_for(1s);
    REQUIRE(listener);
    const auto dial = [&]() -> awaitable<void> {
        auto connected = co_await dialling->connect(to_string(listener->address()));
        at_client.emplace(std::move(connected));
    };
    run(dial());
    while (!met.done()) {
        server_context.run_for(1ms);
        client_context.run_for(1ms);
    }
    pair = std::make_unique<Pair>(std::move(*serving), std::move(*dialling), std::move(*at_server),
                                  std::move(*at_client));
}

Apart::~Apart() = default;

Lane Apart::lane(braid::StreamOptions options) {
    std::optional<Lane> lane;
    const auto open = [&]() -> awaitable<void> {
        auto client = co_await pair->at_client.open(options);
        auto server = co_await pair->at_server.opened();
        // What a stall() opened comes first.
        while (server.id() != client.id()) server = co_await pair->at_server.opened();
        lane.emplace(std::move(client), std::move(server));
    };
    run(open());
    return std::move(*lane);
}

void Apart::run(awaitable<void> coroutine) { run(std::move(coroutine), true); }

void Apart::run_client(awaitable<void> coroutine) { run(std::move(coroutine), false); }

void Apart::stall(braid::Priority priority) {
    auto options = promising(braid::Promises::none);
    options.priority = priority;
    const auto open = [&]() -> awaitable<void> {
        ballast_.push_back(co_await pair->at_client.open(options));
    };
    run_client(open());
    const braid::Message filling{pattern(16u << 10)};
    const auto queued = [&] { return pair->at_client.stats().queued_bytes; };
    const auto before = queued();
    // Room in the channel may come with the pace of a link, and probes find some of it at all
    // times: it is full when half of what waits still does after a while.
    while (queued() <= before + filling.bytes().size()) {
        while (queued() <= before + 2 * filling.bytes().size()) {
            ballast_.back().send(filling);
            client_context.restart();
            while (client_context.poll() > 0) client_context.restart();
        }
        client_context.restart();
        client_context.run_for(20ms);
    }
}

namespace {

/// Some of what is ready: there may always be more.
std::size_t turn(asio::io_context& context) {
    context.restart();
    std::size_t done = 0;
    while (done < 100 && context.poll_one() > 0) ++done;
    return done;
}

}  // namespace

void Apart::run(awaitable<void> coroutine, bool server_runs) {
    std::optional<std::exception_ptr> end;
    asio::co_spawn(client_context, std::move(coroutine),
                   [&](std::exception_ptr error) { end = error; });
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    while (!end && std::chrono::steady_clock::now() < give_up) {
        const auto client_did = turn(client_context);
        const auto server_did = server_runs ? turn(server_context) : 0;
        if (client_did + server_did == 0) client_context.run_one_for(1ms);
    }
    REQUIRE(end);
    if (*end) std::rethrow_exception(*end);
}

}  // namespace conformance
