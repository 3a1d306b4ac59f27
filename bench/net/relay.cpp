#include "net/relay.hpp"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace net {

namespace {

/// One device may not keep the others waiting for longer than it takes to read so many packets.
constexpr unsigned packets_at_once = 32;
constexpr std::size_t events_at_once = 64;
constexpr std::size_t stop_event = ~std::size_t{0};

nanoseconds now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::system_category(), what);
}

/// Ahead of all ordinary threads where the system allows it: a late emulator is another link.
void take_precedence() {
    ::prctl(PR_SET_TIMERSLACK, 1);
    sched_param priority{};
    priority.sched_priority = 50;
    ::sched_setscheduler(0, SCHED_FIFO, &priority);
}

}  // namespace

Relay::Relay(const std::vector<std::unique_ptr<Link>>& links, std::mutex& mutex)
    : mutex_(mutex), poll_(::epoll_create1(EPOLL_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)) {
    if (poll_.descriptor() < 0 || stop_.descriptor() < 0) fail("epoll");
    watch(stop_.descriptor(), stop_event);
    for (const auto& link : links) {
        const int near = link->near_tun_.descriptor();
        const int far = link->far_ ? link->far_tun_.descriptor() : near;
        watch(near, directions_.size());
        directions_.push_back({link.get(), true, near, far});
        if (!link->far_) continue;
        watch(far, directions_.size());
        directions_.push_back({link.get(), false, far, near});
    }
}

void Relay::watch(int file, std::size_t what) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = what;
    if (::epoll_ctl(poll_.descriptor(), EPOLL_CTL_ADD, file, &event) != 0) fail("epoll_ctl");
}

void Relay::run() {
    take_precedence();
    std::array<epoll_event, events_at_once> events;
    while (true) {
        timespec timeout{};
        bool forever = true;
        {
            const std::lock_guard lock(mutex_);
            deliver_due();
            if (!waiting_.empty()) {
                const nanoseconds rest = std::max(waiting_.top().due - now(), nanoseconds(0));
                timeout.tv_sec = rest / std::chrono::seconds(1);
                timeout.tv_nsec = (rest % std::chrono::seconds(1)).count();
                forever = false;
            }
        }
        const int count = ::epoll_pwait2(poll_.descriptor(), events.data(), events.size(),
                                         forever ? nullptr : &timeout, nullptr);
        if (count < 0 && errno != EINTR) fail("epoll_pwait2");
        const std::lock_guard lock(mutex_);
        for (int index = 0; index < count; ++index) {
            const std::size_t what = events[static_cast<std::size_t>(index)].data.u64;
            if (what == stop_event) return;
            deliver_due();
            take_from(what);
        }
    }
}

void Relay::stop() {
    const std::uint64_t one = 1;
    if (::write(stop_.descriptor(), &one, sizeof one) != sizeof one) fail("eventfd");
}

void Relay::take_from(std::size_t direction_index) {
    const Direction& direction = directions_[direction_index];
    for (unsigned taken = 0; taken < packets_at_once; ++taken) {
        const std::size_t place = free_packet();
        Packet& packet = *packets_[place];
        const ssize_t count =
            ::read(direction.source, packet.content.data(), packet.content.size());
        const auto arrival =
            count > 0 ? due(direction, packet, static_cast<std::size_t>(count)) : std::nullopt;
        if (arrival) {
            waiting_.push({*arrival, packets_taken_++, place, direction_index});
        } else {
            free_packets_.push_back(place);
        }
        if (count <= 0) return;
    }
}

std::optional<nanoseconds> Relay::due(const Direction& direction, Packet& packet,
                                      std::size_t bytes) {
    packet.bytes = bytes;
    Link& link = *direction.link;
    Path& path = direction.outbound ? link.outbound_ : link.inbound_;
    const auto content = std::span(packet.content).first(bytes);
    if (link.translation_) {
        const bool passes = direction.outbound ? link.translation_->leaving(content)
                                               : link.translation_->entering(content);
        if (!passes) return std::nullopt;
    }
    return path.offer(now(), bytes);
}

void Relay::deliver_due() {
    nanoseconds time = now();
    while (!waiting_.empty() && waiting_.top().due <= time) {
        const Waiting next = waiting_.top();
        waiting_.pop();
        const Packet& packet = *packets_[next.packet];
        const ssize_t count =
            ::write(directions_[next.direction].target, packet.content.data(), packet.bytes);
        if (count < 0) ++packets_refused_;
        free_packets_.push_back(next.packet);
        time = now();
        note_lateness(time - next.due);
    }
}

void Relay::note_lateness(nanoseconds lateness) {
    const auto microseconds = static_cast<std::size_t>(lateness / std::chrono::microseconds(1));
    ++lateness_us_[std::min(microseconds, lateness_slots)];
    lateness_max_ = std::max(lateness_max_, lateness);
}

std::size_t Relay::free_packet() {
    if (free_packets_.empty()) {
        packets_.push_back(std::make_unique<Packet>());
        return packets_.size() - 1;
    }
    const std::size_t place = free_packets_.back();
    free_packets_.pop_back();
    return place;
}

Lateness Relay::lateness() const {
    Lateness result;
    for (const std::uint64_t count : lateness_us_) result.packets += count;
    const auto above = [&](std::size_t slot) {
        std::uint64_t count = 0;
        for (; slot < lateness_us_.size(); ++slot) count += lateness_us_[slot];
        return static_cast<double>(count) /
               static_cast<double>(std::max<std::uint64_t>(result.packets, 1));
    };
    const auto percentile = [&](double share) {
        std::size_t slot = 0;
        while (slot < lateness_slots && above(slot + 1) > 1 - share) ++slot;
        return static_cast<double>(slot);
    };
    result.p50_us = percentile(0.5);
    result.p99_us = percentile(0.99);
    result.max_us = std::chrono::duration<double, std::micro>(lateness_max_).count();
    result.late_share = above(static_cast<std::size_t>(Lateness::late.count() / 1000));
    result.packets_missed = packets_refused_;
    return result;
}

}  // namespace net
