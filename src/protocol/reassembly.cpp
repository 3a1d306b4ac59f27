#include "protocol/reassembly.hpp"

#include <algorithm>

namespace braid::protocol {

bool Reassembly::set_total(std::uint64_t total) noexcept {
    if (total_) return *total_ == total;
    if (end_seen_ > total) return false;
    total_ = total;
    return true;
}

bool Reassembly::fits(std::uint64_t offset, std::size_t bytes) const noexcept {
    const auto end_max = total_.value_or(head_.bytes_max());
    return offset <= end_max && bytes <= end_max - offset;
}

std::uint64_t Reassembly::missing(std::uint64_t offset, std::size_t bytes) const noexcept {
    const auto end = offset + bytes;
    auto at = std::max<std::uint64_t>(offset, head_.size());
    if (at >= end) return 0;
    auto count = end - at;
    auto part = parts_.upper_bound(at);
    if (part != parts_.begin()) --part;
    for (; part != parts_.end() && part->first < end; ++part) {
        const auto begin = std::max(part->first, at);
        const auto finish = std::min(part->first + part->second.size(), end);
        if (finish > begin) count -= finish - begin;
    }
    return count;
}

void Reassembly::add(std::uint64_t offset, std::span<const std::byte> bytes) {
    end_seen_ = std::max(end_seen_, offset + bytes.size());
    if (offset <= head_.size() && parts_.empty()) {
        const auto known = head_.size() - offset;
        if (known < bytes.size()) head_.append(bytes.subspan(known));
        return;
    }
    while (!bytes.empty()) {
        // Skip what is here, then store what is not, up to the next part.
        const auto end = offset + bytes.size();
        auto here = std::max<std::uint64_t>(offset, head_.size());
        auto next = parts_.upper_bound(here);
        if (next != parts_.begin()) {
            const auto before = std::prev(next);
            here = std::max(here, before->first + before->second.size());
        }
        if (here >= end) break;
        const auto until = next == parts_.end() ? end : std::min(end, next->first);
        const auto fresh = bytes.subspan(here - offset, until - here);
        if (!fresh.empty()) {
            parts_.emplace_hint(next, here, std::vector(fresh.begin(), fresh.end()));
            parts_bytes_ += fresh.size();
        }
        bytes = bytes.subspan(until - offset);
        offset = until;
    }
    join_parts();
}

void Reassembly::join_parts() {
    while (!parts_.empty() && parts_.begin()->first == head_.size()) {
        const auto first = parts_.begin();
        head_.append(first->second);
        parts_bytes_ -= first->second.size();
        parts_.erase(first);
    }
}

}  // namespace braid::protocol
