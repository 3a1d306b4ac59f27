#include "transport/udp/path_mtu.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace braid::transport {
namespace {

// What IPv6 guarantees, two usual tunnels, and Ethernet below PPPoE or IPv6, below IPv4.
constexpr std::array<std::size_t, 5> usual_bytes{1280, 1392, 1432, 1452, 1472};

// A search between usual and longest ends when less than this could be won.
constexpr std::size_t step_bytes_min = 64;

// RFC 8899, 5.1.2: MAX_PROBES.
constexpr unsigned tries_max = 3;

// RFC 8899, 5.1.1: PMTU_RAISE_TIMER. After a first black hole it is tried sooner: that may have
// been a moment's trouble.
constexpr auto search_again = std::chrono::minutes{10};
constexpr auto search_after_black_hole = std::chrono::seconds{60};

// So many long packets lost, and none as long acknowledged in between, are no chance.
constexpr unsigned black_hole_losses = 4;

}  // namespace

PathMtu::PathMtu(std::size_t limit_bytes, protocol::Time now) noexcept
    : limit_{std::max(limit_bytes, base_bytes)} {
    path_changed(now);
}

std::optional<std::size_t> PathMtu::probe(protocol::Time now) const noexcept {
    if (now < deadline()) return std::nullopt;
    return candidate_;
}

protocol::Time PathMtu::deadline() const noexcept {
    return candidate_ == 0 || probing_ ? protocol::never : search_at_;
}

void PathMtu::probe_sent(std::size_t bytes, protocol::Time) noexcept {
    if (bytes == candidate_) probing_ = true;
}

void PathMtu::acked(std::size_t bytes, protocol::Time now) noexcept {
    if (bytes <= base_bytes) return;
    if (bytes > good_ && bytes <= limit_) {
        good_ = bytes;
        // Whatever the search was at, it goes on above.
        if (candidate_ != 0 && candidate_ <= good_) choose_candidate(now);
    }
    if (bytes >= long_lost_least_) long_lost_ = 0;
    if (now != long_acked_at_ || bytes > long_acked_) long_acked_ = bytes;
    long_acked_at_ = now;
}

void PathMtu::lost(std::size_t bytes, bool probe, protocol::Time now) noexcept {
    if (probe) {
        if (bytes != candidate_ || !probing_) return;
        probing_ = false;
        if (++tries_ == tries_max) candidate_failed(now);
        return;
    }
    if (bytes <= base_bytes || bytes > good_) return;
    // The acknowledgement that tells of the loss tells of one as long, too.
    if (long_acked_at_ == now && long_acked_ >= bytes) return;
    long_lost_least_ = long_lost_ == 0 ? bytes : std::min(long_lost_least_, bytes);
    if (++long_lost_ == black_hole_losses) {
        fall_back(now);
        const bool first = black_holes_++ == 0;
        search(protocol::after(now, first ? protocol::Duration{search_after_black_hole}
                                          : protocol::Duration{search_again}));
    }
}

void PathMtu::too_big(std::size_t bytes, protocol::Time now) noexcept {
    if (bytes <= base_bytes || bytes > std::max(good_, candidate_)) return;
    if (bytes <= good_) {
        fall_back(now);
        search(now);
    }
    ceiling_ = std::min(ceiling_, bytes - 1);
    choose_candidate(std::max(now, search_at_));
}

void PathMtu::path_changed(protocol::Time now) noexcept {
    black_holes_ = 0;
    fall_back(now);
    search(now);
}

void PathMtu::fall_back(protocol::Time) noexcept {
    good_ = base_bytes;
    long_lost_ = 0;
    long_acked_ = 0;
}

void PathMtu::search(protocol::Time at) noexcept {
    ceiling_ = limit_;
    choose_candidate(at);
}

std::size_t PathMtu::next_size() const noexcept {
    if (good_ >= ceiling_) return 0;
    const bool nothing_failed = ceiling_ == limit_;
    const auto above = std::upper_bound(usual_bytes.begin(), usual_bytes.end(), good_);
    if (above != usual_bytes.end()) {
        if (*above <= ceiling_) return *above;
        return nothing_failed ? limit_ : 0;
    }
    if (nothing_failed) return limit_;
    return ceiling_ - good_ < step_bytes_min ? 0 : good_ + (ceiling_ - good_ + 1) / 2;
}

void PathMtu::choose_candidate(protocol::Time at) noexcept {
    tries_ = 0;
    probing_ = false;
    search_at_ = at;
    candidate_ = next_size();
    if (candidate_ != 0 || good_ == limit_) return;
    // What is not found now may be found when the path has become another one.
    ceiling_ = limit_;
    candidate_ = next_size();
    search_at_ = protocol::after(at, search_again);
}

void PathMtu::candidate_failed(protocol::Time now) noexcept {
    ceiling_ = candidate_ - 1;
    choose_candidate(now);
}

}  // namespace braid::transport
