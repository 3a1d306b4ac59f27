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
        if (!fresh.empty()) keep(next, here, fresh);
        bytes = bytes.subspan(until - offset);
        offset = until;
    }
    join_parts();
}

// Parts that touch become one, so that what is remembered follows the bytes and not the cuts; up to
// a length, so that joining costs no more than a few times what arrived.
void Reassembly::keep(std::map<std::uint64_t, std::vector<std::byte>>::iterator next,
                      std::uint64_t offset, std::span<const std::byte> bytes) {
    parts_bytes_ += bytes.size();
    const auto joins = [](const auto& part, std::uint64_t at, std::size_t more) {
        return part->first + part->second.size() == at && part->second.size() + more <= joined_max;
    };
    auto part = next;
    if (next != parts_.begin() && joins(std::prev(next), offset, bytes.size())) {
        part = std::prev(next);
        part->second.insert(part->second.end(), bytes.begin(), bytes.end());
    } else {
        part = parts_.emplace_hint(next, offset, std::vector(bytes.begin(), bytes.end()));
    }
    if (next == parts_.end() || !joins(part, next->first, next->second.size())) return;
    part->second.insert(part->second.end(), next->second.begin(), next->second.end());
    parts_.erase(next);
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
