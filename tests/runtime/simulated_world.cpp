#include "runtime/simulated_world.hpp"

#include "catch.hpp"
#include "protocol/frame_writer.hpp"
#include "transport/refused.hpp"

#include <asio/co_spawn.hpp>
#include <asio/error.hpp>
#include <asio/strand.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>

namespace simulated {

namespace {

using namespace std::chrono_literals;
using braid::errc;
using braid::protocol::FrameWriter;

class Link final : public braid::protocol::Link {
public:
    explicit Link(std::shared_ptr<Lane> lane) : in{std::move(lane)} {}

    braid::protocol::LinkTraits traits() const noexcept override { return {true, true, false}; }
    braid::protocol::LinkPath path() const noexcept override { return in->path; }

    void fill(braid::protocol::FrameSource& source, Time now) override {
        if (error || !source.pending(now)) return;
        std::vector<std::byte> buffer(64u << 10);
        std::vector<FrameWriter::Reference> references;
        FrameWriter writer{buffer, buffer.size(), references};
        source.fill(writer, now);
        std::size_t position = 0;
        const auto copy_until = [&](std::size_t end) {
            const auto begin = buffer.begin();
            output.insert(output.end(), begin + static_cast<std::ptrdiff_t>(position),
                          begin + static_cast<std::ptrdiff_t>(end));
            position = end;
        };
        for (const auto& reference : references) {
            copy_until(reference.position);
            output.insert(output.end(), reference.bytes.begin(), reference.bytes.end());
        }
        copy_until(writer.copied());
    }

    void drain(braid::protocol::FrameSink& sink, Time now) override {
        if (input.empty()) return;
        const auto receipt = sink.receive(input, braid::protocol::Framing::stream, now);
        if (receipt.error && !error) error = receipt.error;
        input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(receipt.consumed));
    }

    Time deadline() const noexcept override { return braid::protocol::never; }
    void advance(Time) override {}
    std::error_code failure() const noexcept override { return error; }

    std::shared_ptr<Lane> in;
    std::vector<std::byte> output;
    std::vector<std::byte> input;
    std::error_code error;
};

class Driver final : public braid::transport::Driver {
public:
    Driver(Link& link, std::shared_ptr<Lane> in, std::shared_ptr<Lane> out)
        : link_{link}, in_{std::move(in)}, out_{std::move(out)} {}
    ~Driver() override { finish(); }

    asio::awaitable<void> read() override {
        const auto in = in_;
        while (!link_.error) {
            const auto ticket = in->changes.ticket();
            if (!in->arrived.empty()) {
                link_.input.insert(link_.input.end(), in->arrived.begin(), in->arrived.end());
                in->arrived.clear();
                co_return;
            }
            if (in->closed) {
                link_.error = errc::participant_lost;
                co_return;
            }
            co_await in->changes.wait(ticket, in);
        }
    }

    bool try_write() override {
        if (!link_.output.empty()) out_->carry(std::exchange(link_.output, {}));
        return !link_.error;
    }

    asio::awaitable<void> write() override {
        try_write();
        co_return;
    }

    void finish() noexcept override {
        if (std::exchange(finished_, true)) return;
        out_->carry({});
    }

    void close() noexcept override {
        finish();
        if (!link_.error) link_.error = asio::error::operation_aborted;
        in_->changes.notify();
    }

private:
    Link& link_;
    std::shared_ptr<Lane> in_;
    std::shared_ptr<Lane> out_;
    bool finished_ = false;
};

class Encounter final : public braid::transport::Encounter {
public:
    Encounter(asio::any_io_executor executor, std::shared_ptr<Lane> in, std::shared_ptr<Lane> out,
              std::string host = {})
        : executor_{std::move(executor)},
          in_{std::move(in)},
          out_{std::move(out)},
          host_{std::move(host)} {}
    ~Encounter() override {
        if (out_ != nullptr) close();
    }

    asio::awaitable<braid::protocol::Hello> receive_hello() override {
        const auto in = in_;
        for (;;) {
            const auto ticket = in->changes.ticket();
            if (in->hello) co_return *in->hello;
            if (in->refusal) {
                throw braid::transport::Refused{*in->refusal, peer_address()};
            }
            if (in->closed || closed_) {
                throw braid::ConnectError{closed_ ? asio::error::operation_aborted
                                                  : asio::error::connection_reset};
            }
            co_await in->changes.wait(ticket, in);
        }
    }

    asio::awaitable<void> send_hello(braid::protocol::Hello hello) override {
        out_->hello = std::move(hello);
        out_->change();
        co_return;
    }

    asio::awaitable<void> refuse(braid::protocol::Refusal refusal) override {
        out_->refusal = std::move(refusal);
        out_->change();
        close();
        co_return;
    }

    braid::transport::Connection established() override {
        auto link = std::make_unique<Link>(in_);
        auto driver = std::make_unique<Driver>(*link, in_, std::exchange(out_, nullptr));
        if (closed_) driver->close();
        return {std::move(link), std::move(driver)};
    }

    std::string peer_address() const override { return "tcp://127.0.0.1:1"; }
    asio::any_io_executor executor() override { return executor_; }
    std::string peer_host() const override { return host_; }

    void close() noexcept override {
        if (std::exchange(closed_, true)) return;
        out_->carry({});
        in_->changes.notify();
    }

private:
    asio::any_io_executor executor_;
    std::shared_ptr<Lane> in_;
    std::shared_ptr<Lane> out_;
    std::string host_;
    bool closed_ = false;
};

class Listener final : public braid::transport::Listener {
public:
    Listener(std::shared_ptr<Transports::Desk> desk, std::uint16_t port)
        : desk_{std::move(desk)}, port_{port} {}

    braid::ListenAddr address() const override {
        return braid::ListenAddr::tcp("127.0.0.1", port_);
    }

    asio::awaitable<std::unique_ptr<braid::transport::Encounter>> accept() override {
        const auto desk = desk_;
        for (;;) {
            const auto ticket = desk->changes.ticket();
            if (desk->closed) throw braid::NetworkError{asio::error::operation_aborted};
            if (!desk->callers.empty()) {
                auto caller = std::move(desk->callers.front());
                desk->callers.pop_front();
                co_return caller;
            }
            co_await desk->changes.wait(ticket, desk);
        }
    }

    void close() noexcept override {
        desk_->closed = true;
        desk_->changes.notify();
    }

private:
    std::shared_ptr<Transports::Desk> desk_;
    std::uint16_t port_;
};

}  // namespace

Lane::Lane(std::shared_ptr<SimulatedTimers> timers, Duration latency)
    : timers_{std::move(timers)}, latency_{latency} {}

Lane::~Lane() { timers_->remove(entry_); }

// No bytes mean the end.
void Lane::carry(std::vector<std::byte> bytes) {
    if (cut) return;
    entry_.set_target(weak_from_this());
    under_way_.emplace_back(timers_->now() + latency_, std::move(bytes));
    timers_->arm(entry_, under_way_.front().first);
}

void Lane::change() { changes.notify(); }

void Lane::alarm() noexcept {
    while (!under_way_.empty() && under_way_.front().first <= timers_->now()) {
        const auto& bytes = under_way_.front().second;
        closed = closed || (bytes.empty() && !cut);
        if (!cut) arrived.insert(arrived.end(), bytes.begin(), bytes.end());
        under_way_.pop_front();
    }
    if (!under_way_.empty()) timers_->arm(entry_, under_way_.front().first);
    changes.notify();
}

asio::awaitable<std::unique_ptr<braid::transport::Encounter>> Transports::dial(
    braid::ConnectAddr address) {
    const auto executor = co_await asio::this_coro::executor;
    const Wire wire{std::make_shared<Lane>(timers_, latency),
                    std::make_shared<Lane>(timers_, latency)};
    wires.push_back(wire);
    const auto desk = desks_.find(address.port());
    if (desk != desks_.end() && !desk->second->closed) {
        const auto& inner = desk->second->executor;
        desk->second->callers.push_back(std::make_unique<Encounter>(
            asio::make_strand(inner), wire.to_acceptor, wire.to_dialler, caller_host));
        desk->second->changes.notify();
    }
    co_return std::make_unique<Encounter>(executor, wire.to_dialler, wire.to_acceptor);
}

asio::awaitable<std::unique_ptr<braid::transport::Listener>> Transports::listen(
    braid::ListenAddr address, braid::Limits) {
    const auto port = address.port() != 0 ? address.port() : next_port_++;
    auto desk = std::make_shared<Desk>();
    desk->executor = co_await asio::this_coro::executor;
    desks_[port] = desk;
    co_return std::make_unique<Listener>(desk, port);
}

asio::awaitable<std::vector<std::byte>> Stranger::answer(std::shared_ptr<Lane> lane) {
    for (;;) {
        const auto ticket = lane->changes.ticket();
        if (!lane->arrived.empty() || lane->closed) co_return std::exchange(lane->arrived, {});
        co_await lane->changes.wait(ticket, lane);
    }
}

asio::awaitable<Stranger> introduce(World& world, std::string address, unsigned letter) {
    auto encounter = co_await world.transports->dial(address);
    braid::protocol::Hello hello;
    hello.pid = braid::Pid::numbered(letter);
    hello.stream_credit = hello.participant_credit = hello.message_bytes_max = 1u << 20;
    hello.streams = 16;
    hello.idle_ms = 60'000;
    co_await encounter->send_hello(hello);
    co_await encounter->receive_hello();
    Stranger stranger{std::move(encounter), world.transports->wires.back()};
    co_return stranger;
}

asio::awaitable<void> pause(World& world, Duration time) {
    // A lane that carries one thing takes that long.
    const auto lane = std::make_shared<Lane>(world.timers, time);
    const auto ticket = lane->changes.ticket();
    lane->carry({std::byte{0}});
    co_await lane->changes.wait(ticket, lane);
}

World::World() = default;

std::shared_ptr<braid::runtime::Network> World::make_core(
    unsigned letter, const braid::Limits& limits,
    const std::optional<braid::LinkSimulation>& simulated_link) {
    auto options = braid::NetworkOptions{}.limits(limits).log_level(braid::LogLevel::off);
    if (simulated_link) options.simulate_link(*simulated_link);
    return make_core_with(letter, options);
}

std::shared_ptr<braid::runtime::Network> World::make_core_with(
    unsigned letter, const braid::NetworkOptions& options) {
    braid::runtime::Environment environment;
    environment.clock = timers;
    environment.timers = timers;
    environment.entropy = std::make_shared<braid::runtime::SystemEntropy>();
    environment.transports = transports;
    return braid::runtime::Network::make(braid::Pid::numbered(letter), context.get_executor(),
                                         options, environment);
}

braid::Network World::make_network(unsigned letter, const braid::Limits& limits,
                                   const std::optional<braid::LinkSimulation>& simulated_link) {
    return braid::Network{make_core(letter, limits, simulated_link)};
}

Duration World::run(asio::awaitable<void> main) {
    const auto start = timers->now();
    std::exception_ptr error;
    bool done = false;
    asio::co_spawn(context, std::move(main), [&](std::exception_ptr thrown) {
        error = thrown;
        done = true;
    });
    while (!done) {
        context.restart();
        context.poll();
        if (done) break;
        const auto next = timers->earliest();
        REQUIRE(next != braid::protocol::never);
        REQUIRE(next < start + 24h);
        timers->advance_to(next);
    }
    if (error) std::rethrow_exception(error);
    return timers->now() - start;
}

void World::pass(Duration time) {
    const auto end = timers->now() + time;
    for (;;) {
        context.restart();
        context.poll();
        if (timers->now() >= end) return;
        timers->advance_to(std::min(end, timers->earliest()));
    }
}

}  // namespace simulated
