#include "transport/mpsc/link.hpp"

#include <algorithm>

namespace braid::transport {

protocol::LinkTraits MpscLink::traits() const noexcept {
    protocol::LinkTraits traits;
    traits.ordered = true;
    traits.lossless = true;
    traits.intact = true;
    traits.in_memory = true;
    return traits;
}

void MpscLink::fill(protocol::FrameSource& source, protocol::Time now) {
    if (failure_ || filled_) return;
    if (!source.pending(now)) {
        if (batch_ != nullptr && batch_->capacity() > batch_bytes_min) batch_.reset();
        return;
    }
    if (batch_ == nullptr || batch_->capacity() < wanted_bytes_) {
        batch_ = std::make_unique<Batch>(wanted_bytes_);
    }
    take(source, now);
    if (!filled_ && batch_->capacity() < batch_bytes_max) {
        // What is encoded already may need the room.
        batch_ = std::make_unique<Batch>(batch_bytes_max);
        take(source, now);
    }
}

void MpscLink::take(protocol::FrameSource& source, protocol::Time now) {
    protocol::FrameWriter writer{batch_->memory(), budget_bytes, batch_->beside()};
    source.fill(writer, now);
    // A large message beyond the budget does not keep the writer from putting the next one behind
    // it, so that neither end waits for the other after each.
    batch_->filled(writer.copied(), std::min(writer.written(), budget_bytes));
    filled_ = writer.written() != 0;
    const auto capacity = batch_->capacity();
    if (writer.copied() > capacity - capacity / 4) wanted_bytes_ = batch_bytes_max;
    if (writer.copied() < batch_bytes_min / 2) wanted_bytes_ = batch_bytes_min;
}

void MpscLink::drain(protocol::FrameSink& sink, protocol::Time now) {
    for (const auto& batch : input_) {
        const auto receipt = sink.receive(batch->bytes(), batch->beside(), now);
        batch->clear();
        if (!receipt.error) continue;
        fail(receipt.error);
        input_.clear();
        return;
    }
}

void MpscLink::fail(std::error_code error) noexcept {
    if (!failure_) failure_ = error;
    batch_.reset();
    filled_ = false;
}

}  // namespace braid::transport
