#include "peers/braid_mixed.hpp"

#include <braid/braid.hpp>

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <system_error>
#include <utility>

namespace bench {

namespace {

constexpr braid::Priority flow_priority = 0;
constexpr braid::Priority bulk_priority = 7;
constexpr std::chrono::milliseconds look_every{10};

void check(std::error_code error) {
    if (error) throw std::system_error(error, "try_send");
}

asio::awaitable<void> sleep_until_ns(std::int64_t time_ns) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    // CLOCK_MONOTONIC is what steady_clock reads.
    timer.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(time_ns)));
    co_await timer.async_wait(asio::use_awaitable);
}

braid::StreamOptions options_of(const Flow& flow) {
    braid::StreamOptions options;
    options.priority = flow_priority;
    options.promises = flow.reliable ? braid::Promises::reliable : braid::Promises::none;
    return options;
}

braid::StreamOptions bulk_options() {
    braid::StreamOptions options;
    options.priority = bulk_priority;
    return options;
}

braid::NetworkOptions options_for(const MixedTask& task) {
    braid::Limits limits;
    limits.stream_send_queue_bytes =
        std::max(limits.stream_send_queue_bytes, 2 * (task.bulk_ahead_bytes + task.bulk_bytes));
    limits.participant_send_queue_bytes =
        std::max(limits.participant_send_queue_bytes, 2 * limits.stream_send_queue_bytes);
    return braid::NetworkOptions().limits(limits);
}

asio::awaitable<void> send_bulk(MixedSender& sender, braid::Stream stream) {
    while (true) {
        check(stream.try_send(sender.bulk()));
        co_await stream.writable(sender.task().bulk_ahead_bytes);
    }
}

asio::awaitable<void> send(MixedSender& sender, std::string scheme) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network network(executor, options_for(sender.task()));
    const std::string address =
        scheme + "://" + net::far_address + ":" + std::to_string(sender.port());
    auto participant = co_await network.connect(address);
    std::vector<std::optional<braid::Stream>> streams(flows_max);
    for (std::size_t flow = 0; flow < flows_max; ++flow) {
        if (sender.task().flows[flow].per_second <= 0) continue;
        auto stream = co_await participant.open(options_of(sender.task().flows[flow]));
        streams[flow].emplace(std::move(stream));
    }
    sender.connected();
    if (sender.task().bulk_bytes != 0) {
        auto stream = co_await participant.open(bulk_options());
        braid::spawn(executor, send_bulk(sender, std::move(stream)));
    }
    while (!sender.finished()) {
        while (const auto due = sender.due()) check(streams[due->flow]->try_send(due->message));
        const std::int64_t look_ns = now_ns() + std::chrono::nanoseconds(look_every).count();
        co_await sleep_until_ns(std::min(sender.next_due_ns(), look_ns));
    }
}

asio::awaitable<void> receive_stream(MixedReceiver& receiver, braid::Stream stream) {
    try {
        while (auto message = co_await stream.next<braid::Message>()) {
            receiver.received(message->bytes());
        }
    } catch (const braid::StreamError&) {
        // The sender leaves once all is there; if it is lost before, it says so itself.
    }
}

asio::awaitable<void> accept_streams(MixedReceiver& receiver, braid::Participant participant) {
    const auto executor = co_await asio::this_coro::executor;
    try {
        while (true) {
            auto stream = co_await participant.opened();
            braid::spawn(executor, receive_stream(receiver, std::move(stream)));
        }
    } catch (const braid::ParticipantError&) {
        // As above.
    }
}

asio::awaitable<void> receive(MixedReceiver& receiver, std::string scheme) {
    const auto executor = co_await asio::this_coro::executor;
    braid::Network network(executor, options_for(receiver.task()));
    auto listener = co_await network.listen(scheme + "://" + net::far_address + ":0");
    receiver.listening(listener.address().port());
    auto participant = co_await network.connected();
    braid::spawn(executor, accept_streams(receiver, std::move(participant)));
    while (!receiver.finished()) {
        co_await sleep_until_ns(now_ns() + std::chrono::nanoseconds(look_every).count());
    }
}

}  // namespace

MixedPeer braid_mixed(const std::string& scheme) {
    return {"braid-" + scheme,
            [=](MixedReceiver& receiver) { braid::run(receive(receiver, scheme)); },
            [=](MixedSender& sender) { braid::run(send(sender, scheme)); }};
}

}  // namespace bench
