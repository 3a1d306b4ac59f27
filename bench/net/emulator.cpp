#include "net/emulator.hpp"

#include "net/relay.hpp"

#include <cstdio>

namespace net {

namespace {

constexpr const char* device = "link0";
constexpr unsigned address_bits = 30;
/// Told apart from `seed` of the other direction and of other links.
constexpr std::uint64_t inbound_seed = 0x5DEECE66DU;

}  // namespace

std::string Lateness::describe() const {
    char text[160];
    std::snprintf(text, sizeof text,
                  "link emulator: %llu packets, late by p50 %.0f us, p99 %.0f us, max %.0f us; "
                  "%.3f %% by over 1 ms, %llu missed%s",
                  static_cast<unsigned long long>(packets), p50_us, p99_us, max_us,
                  late_share * 100, static_cast<unsigned long long>(packets_missed),
                  credible() ? "" : ": NOT CREDIBLE");
    return text;
}

Link::Link(const LinkOptions& options, bool loopback, std::mutex& mutex)
    : mutex_(mutex),
      near_(std::in_place),
      outbound_(options.outbound, options.seed),
      inbound_(options.inbound, options.seed ^ inbound_seed) {
    near_tun_ = near_->make_tun(device, options.device_mtu);
    if (loopback) {
        near_->route_loopback_through(device);
        return;
    }
    far_.emplace();
    far_tun_ = far_->make_tun(device, options.device_mtu);
    near_->add_address(device, near_address, address_bits);
    far_->add_address(device, far_address, address_bits);
    near_->add_address(device, near_address_v6, 64);
    far_->add_address(device, far_address_v6, 64);
    if (options.translate_near) translation_.emplace();
}

void Link::reshape(const LinkShape& outbound, const LinkShape& inbound) {
    const std::lock_guard lock(mutex_);
    outbound_.reshape(outbound);
    inbound_.reshape(inbound);
}

void Link::rebind() {
    const std::lock_guard lock(mutex_);
    if (translation_) translation_->rebind();
}

void Link::connect_near(bool connected) {
    if (connected) {
        near_->add_address(device, near_address, address_bits);
    } else {
        near_->delete_address(device, near_address, address_bits);
    }
}

void Link::bar() {
    const std::lock_guard lock(mutex_);
    if (translation_) translation_->bar();
}

PathCounts Link::outbound() const {
    const std::lock_guard lock(mutex_);
    return outbound_.counts();
}

PathCounts Link::inbound() const {
    const std::lock_guard lock(mutex_);
    return inbound_.counts();
}

Emulator::Emulator() = default;

Emulator::~Emulator() { stop(); }

Link& Emulator::add(const LinkOptions& options) {
    links_.push_back(std::unique_ptr<Link>(new Link(options, false, mutex_)));
    return *links_.back();
}

Link& Emulator::add_loopback(const LinkShape& shape, std::uint64_t seed) {
    LinkOptions options;
    options.outbound = shape;
    options.seed = seed;
    links_.push_back(std::unique_ptr<Link>(new Link(options, true, mutex_)));
    return *links_.back();
}

void Emulator::start() {
    relay_ = std::make_unique<Relay>(links_, mutex_);
    thread_ = std::thread([this] { relay_->run(); });
}

void Emulator::stop() {
    if (!thread_.joinable()) return;
    relay_->stop();
    thread_.join();
    lateness_ = relay_->lateness();
    for (const auto& link : links_) {
        lateness_.packets_missed += link->near().dropped_by(device);
        if (link->far_) lateness_.packets_missed += link->far().dropped_by(device);
    }
}

Lateness Emulator::lateness() const { return lateness_; }

}  // namespace net
