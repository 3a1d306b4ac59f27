#include "transport/mpsc/lane.hpp"

#include <utility>

namespace braid::transport {

void Lane::set_writer(std::shared_ptr<Doorbell> bell) {
    const std::lock_guard lock{mutex_};
    writer_ = std::move(bell);
}

void Lane::set_reader(std::shared_ptr<Doorbell> bell) {
    const std::lock_guard lock{mutex_};
    reader_ = std::move(bell);
}

Lane::Pushed Lane::push(std::unique_ptr<Batch>& batch) {
    auto result = Pushed::room;
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        if (closed_) return Pushed::gone;
        if (full()) return Pushed::no;
        weight_ += batch->weight();
        ring_[(first_ + count_++) % batches_max] = std::move(batch);
        if (spare_count_ != 0) batch = std::move(spares_[--spare_count_]);
        if (full()) result = Pushed::full;
        if (std::exchange(reader_waits_, false)) woken = reader_;
    }
    if (woken != nullptr) woken->ring();
    return result;
}

bool Lane::has_room() {
    const std::lock_guard lock{mutex_};
    writer_waits_ = !closed_ && full();
    return !writer_waits_;
}

void Lane::finish() {
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        finished_ = true;
        if (std::exchange(reader_waits_, false)) woken = reader_;
    }
    if (woken != nullptr) woken->ring();
}

Lane::Taken Lane::take(std::vector<std::unique_ptr<Batch>>& batches) {
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        keep_spares(batches);
        if (count_ == 0) {
            drop_large_spares();
            reader_waits_ = !finished_;
            return finished_ ? Taken::end : Taken::nothing;
        }
        for (std::size_t taken = 0; count_ != 0 && (taken < taken_bytes_max || full()); --count_) {
            const auto weight = ring_[first_]->weight();
            taken += weight;
            weight_ -= weight;
            batches.push_back(std::move(ring_[first_]));
            first_ = (first_ + 1) % batches_max;
        }
        if (std::exchange(writer_waits_, false)) woken = writer_;
    }
    if (woken != nullptr) woken->ring();
    return Taken::batches;
}

void Lane::close() {
    std::shared_ptr<Doorbell> woken;
    std::vector<std::unique_ptr<Batch>> unread;
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
        for (auto& batch : ring_) unread.push_back(std::move(batch));
        for (auto& batch : spares_) unread.push_back(std::move(batch));
        count_ = weight_ = spare_count_ = 0;
        if (std::exchange(writer_waits_, false)) woken = writer_;
    }
    if (woken != nullptr) woken->ring();
}

void Lane::keep_spares(std::vector<std::unique_ptr<Batch>>& done) noexcept {
    for (auto& batch : done) {
        if (closed_ || spare_count_ == spares_max) break;
        batch->clear();
        spares_[spare_count_++] = std::move(batch);
    }
    done.clear();
}

// Who is busy uses them again at once; who is not shall not hold them.
void Lane::drop_large_spares() noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < spare_count_; ++i) {
        auto spare = std::move(spares_[i]);
        if (kept == 0 && spare->capacity() <= spare_bytes_idle) spares_[kept++] = std::move(spare);
    }
    spare_count_ = kept;
}

}  // namespace braid::transport
