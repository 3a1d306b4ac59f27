#include "runtime/distant_encounter.hpp"

#include "runtime/pause.hpp"

#include <string>
#include <utility>

namespace braid::runtime {

namespace {

class DistantEncounter final : public transport::Encounter {
public:
    DistantEncounter(std::unique_ptr<transport::Encounter> within, const LinkSimulation& simulation,
                     const Environment& environment)
        : within_{std::move(within)},
          outgoing_{simulation.outgoing.latency},
          incoming_{simulation.incoming.latency},
          pause_{Pause::make(environment.clock, environment.timers)} {}

    asio::awaitable<protocol::Hello> receive_hello() override {
        auto hello = co_await within_->receive_hello();
        co_await Pause::pass(pause_, incoming_);
        co_return hello;
    }

    asio::awaitable<void> send_hello(protocol::Hello hello) override {
        co_await Pause::pass(pause_, outgoing_);
        co_await within_->send_hello(std::move(hello));
    }

    asio::awaitable<void> refuse(protocol::Refusal refusal) override {
        co_await Pause::pass(pause_, outgoing_);
        co_await within_->refuse(std::move(refusal));
    }

    transport::Connection established() override { return within_->established(); }
    std::string peer_address() const override { return within_->peer_address(); }
    asio::any_io_executor executor() override { return within_->executor(); }
    std::string peer_host() const override { return within_->peer_host(); }

    void close() noexcept override {
        pause_->end();
        within_->close();
    }

private:
    const std::unique_ptr<transport::Encounter> within_;
    const protocol::Duration outgoing_;
    const protocol::Duration incoming_;
    const std::shared_ptr<Pause> pause_;
};

}  // namespace

std::unique_ptr<transport::Encounter> distant(std::unique_ptr<transport::Encounter> encounter,
                                              const LinkSimulation& simulation,
                                              const Environment& environment) {
    return std::make_unique<DistantEncounter>(std::move(encounter), simulation, environment);
}

}  // namespace braid::runtime
