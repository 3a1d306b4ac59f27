#include "transport/udp/path_validation.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace braid::transport {

namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t challenge_purpose = 0x70617468;  // "path"

PathData to_data(std::uint64_t number) noexcept {
    PathData data;
    for (auto& byte : data) {
        byte = static_cast<std::byte>(number);
        number >>= 8;
    }
    return data;
}

}  // namespace

std::uint64_t PathValidation::Path::allowance() const noexcept {
    if (proven) return unlimited;
    const auto most = amplification_max * received;
    return most > sent ? most - sent : 0;
}

PathValidation::PathValidation(const SocketAddress& peer, bool proven, std::uint64_t received_bytes,
                               std::uint64_t seed) noexcept
    : numbers_{seed, challenge_purpose} {
    home_.address = peer;
    home_.proven = proven;
    home_.received = received_bytes;
}

PathChange PathValidation::on_packet(const SocketAddress& from, std::size_t bytes, bool newest,
                                     protocol::Time now,
                                     protocol::Duration probe_timeout) noexcept {
    packet_from_ = from;
    packet_bytes_ = bytes;
    packet_asked_ = false;
    const bool from_home = from == home_.address;
    if (auto* path = path_to(from)) path->received += bytes;
    // Its keys come from the answer that was sent there, and to nowhere else.
    if (from_home) home_.proven = true;
    if (!newest || from == peer()) return PathChange::none;
    if (from_home) return give_up_candidate();
    return consider(from, bytes, now, probe_timeout);
}

PathChange PathValidation::consider(const SocketAddress& from, std::size_t bytes,
                                    protocol::Time now, protocol::Duration probe_timeout) noexcept {
    if (!may_change(now)) return PathChange::ignored;
    challenge_interval_ = std::max(probe_timeout, challenge_interval_min);
    Path path;
    path.address = from;
    path.received = bytes;
    challenge(path, now);
    candidate_ = path;
    candidate_until_ = protocol::after(now, challenges_max * challenge_interval_);
    challenge(home_, now);
    return PathChange::candidate;
}

bool PathValidation::may_change(protocol::Time now) noexcept {
    if (now < ignored_until_) return false;
    auto& oldest = changes_[change_count_ % changes_max];
    if (change_count_ >= changes_max && now - oldest < changes_window) {
        ignored_until_ = protocol::after(now, changes_window);
        return false;
    }
    oldest = now;
    ++change_count_;
    return true;
}

void PathValidation::challenge(Path& path, protocol::Time now) noexcept {
    path.data = to_data(numbers_.next());
    path.challenges = 0;
    path.challenge_at = now;
}

PathChange PathValidation::give_up_candidate() noexcept {
    candidate_.reset();
    candidate_until_ = protocol::never;
    home_.challenge_at = protocol::never;
    return PathChange::returned;
}

void PathValidation::on_challenge(const PathData& data) noexcept {
    if (packet_asked_) {
        responses_[response_count_ - 1].data = data;
        return;
    }
    if (response_count_ == responses_max) {
        std::move(responses_.begin() + 1, responses_.end(), responses_.begin());
        --response_count_;
    }
    responses_[response_count_++] = {packet_from_, data, packet_bytes_};
    packet_asked_ = true;
}

PathChange PathValidation::on_response(const PathData& data) noexcept {
    if (!candidate_ || packet_from_ != candidate_->address) return PathChange::none;
    if (data != candidate_->data) return PathChange::none;
    const bool same_host = candidate_->address.same_host(home_.address);
    home_ = *candidate_;
    home_.proven = true;
    home_.challenge_at = protocol::never;
    candidate_.reset();
    candidate_until_ = protocol::never;
    return same_host ? PathChange::port : PathChange::host;
}

std::uint64_t PathValidation::allowance(const SocketAddress& to) const noexcept {
    const auto* path = path_to(to);
    return path == nullptr ? 0 : path->allowance();
}

void PathValidation::charge(const SocketAddress& to, std::size_t bytes) noexcept {
    if (auto* path = path_to(to)) path->sent += bytes;
}

std::optional<PathValidation::Probe> PathValidation::probe(protocol::Time now,
                                                           std::size_t bytes_min) const noexcept {
    const auto padded = [&](std::uint64_t most) {
        return most >= packet_bytes_base ? packet_bytes_base : bytes_min;
    };
    if (const auto* due = response(bytes_min)) {
        return Probe{due->to, true, due->data, padded(allowance(*due))};
    }
    for (const Path* path : {candidate_ ? &*candidate_ : nullptr, &home_}) {
        if (path == nullptr || path->challenge_at > now || path->allowance() < bytes_min) continue;
        return Probe{path->address, false, path->data, padded(path->allowance())};
    }
    return std::nullopt;
}

const PathValidation::Response* PathValidation::response(std::size_t bytes_min) const noexcept {
    for (std::size_t i = 0; i < response_count_; ++i) {
        if (allowance(responses_[i]) >= bytes_min) return &responses_[i];
    }
    return nullptr;
}

// No longer than the question: neither pace nor window holds an answer back.
std::uint64_t PathValidation::allowance(const Response& response) const noexcept {
    const auto* path = path_to(response.to);
    if (path == nullptr) return response.bytes;
    return std::min<std::uint64_t>(response.bytes, path->allowance());
}

void PathValidation::probe_sent(const Probe& probe, std::size_t bytes,
                                protocol::Time now) noexcept {
    charge(probe.to, bytes);
    if (probe.response) {
        const auto end = responses_.begin() + static_cast<std::ptrdiff_t>(response_count_);
        const auto sent = std::find_if(responses_.begin(), end, [&](const Response& each) {
            return each.to == probe.to && each.data == probe.data;
        });
        if (sent == end) return;
        std::move(sent + 1, end, sent);
        --response_count_;
        packet_asked_ = false;
        return;
    }
    auto* path = path_to(probe.to);
    if (path == nullptr) return;
    const bool last = ++path->challenges >= challenges_max;
    path->challenge_at = last ? protocol::never : protocol::after(now, challenge_interval_);
}

protocol::Time PathValidation::deadline(std::size_t bytes_min) const noexcept {
    if (response(bytes_min) != nullptr) return protocol::Time::min();
    auto first = candidate_until_;
    for (const Path* path : {candidate_ ? &*candidate_ : nullptr, &home_}) {
        if (path == nullptr || path->allowance() < bytes_min) continue;
        first = std::min(first, path->challenge_at);
    }
    return first;
}

PathChange PathValidation::advance(protocol::Time now) noexcept {
    return now < candidate_until_ ? PathChange::none : give_up_candidate();
}

const PathValidation::Path* PathValidation::path_to(const SocketAddress& address) const noexcept {
    if (candidate_ && address == candidate_->address) return &*candidate_;
    return address == home_.address ? &home_ : nullptr;
}

PathValidation::Path* PathValidation::path_to(const SocketAddress& address) noexcept {
    return const_cast<Path*>(std::as_const(*this).path_to(address));
}

}  // namespace braid::transport
