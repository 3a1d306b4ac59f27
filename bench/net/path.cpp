#include "net/path.hpp"

#include <algorithm>

namespace net {

LinkShape& LinkShape::queue_time(nanoseconds time) {
    queue_bytes =
        static_cast<std::size_t>(bits_per_second / 8 * std::chrono::duration<double>(time).count());
    return *this;
}

Path::Path(const LinkShape& shape, std::uint64_t seed) : shape_(shape), random_state_(seed) {}

std::optional<nanoseconds> Path::offer(nanoseconds now, std::size_t bytes) {
    ++counts_.offered;
    counts_.bytes += bytes;
    if (shape_.mtu != 0 && bytes > shape_.mtu) {
        ++counts_.too_large;
        return std::nullopt;
    }
    if (loses_next()) {
        ++counts_.lost;
        return std::nullopt;
    }
    const nanoseconds begin = std::max(idle_from_, now);
    const nanoseconds end = begin + sending_time(bytes);
    if (shape_.bits_per_second > 0 && end - now > sending_time(shape_.queue_bytes)) {
        ++counts_.queue_full;
        return std::nullopt;
    }
    idle_from_ = end;
    counts_.queue_max = std::max(counts_.queue_max, begin - now);

    nanoseconds due = end + shape_.delay;
    if (shape_.jitter.count() > 0) {
        due += nanoseconds(random() % static_cast<std::uint64_t>(shape_.jitter.count()));
    }
    due = std::max(due, newest_due_);
    if (shape_.reorder > 0 && chance(shape_.reorder)) return due + shape_.reorder_delay;
    newest_due_ = due;
    return due;
}

void Path::reshape(const LinkShape& shape) {
    shape_ = shape;
    // A path that became shorter may overtake what is on the longer one.
    newest_due_ = nanoseconds(0);
}

bool Path::loses_next() noexcept {
    if (shape_.loss <= 0) return false;
    if (shape_.loss_run <= 1) return chance(shape_.loss);
    // Runs end with the first probability and begin with the second, so that the mean is `loss`.
    const double end = 1 / shape_.loss_run;
    const double begin = end * shape_.loss / (1 - std::min(shape_.loss, 0.99));
    losing_ = losing_ ? !chance(end) : chance(begin);
    return losing_;
}

nanoseconds Path::sending_time(std::size_t bytes) const {
    if (shape_.bits_per_second <= 0) return nanoseconds(0);
    return nanoseconds(
        static_cast<std::int64_t>(static_cast<double>(bytes) * 8e9 / shape_.bits_per_second));
}

bool Path::chance(double share) noexcept {
    return static_cast<double>(random() >> 11) * 0x1.0p-53 < share;
}

// splitmix64 (S. Vigna, 2015): any seed will do.
std::uint64_t Path::random() noexcept {
    random_state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = random_state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31);
}

}  // namespace net
