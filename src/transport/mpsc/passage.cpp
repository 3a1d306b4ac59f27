#include "transport/mpsc/passage.hpp"

#include <utility>

namespace braid::transport {

void Passage::say(Side side, protocol::Hello hello) {
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        ends_[index(side)].said.hello = std::move(hello);
        woken = std::exchange(ends_[index(other(side))].listening, nullptr);
    }
    if (woken != nullptr) woken->ring();
}

void Passage::refuse(protocol::Refusal refusal) {
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        ends_[index(Side::accepting)].said.refusal = std::move(refusal);
        woken = std::exchange(ends_[index(Side::dialling)].listening, nullptr);
    }
    if (woken != nullptr) woken->ring();
}

Passage::Heard Passage::hear(Side side, const std::shared_ptr<Doorbell>& bell) {
    const std::lock_guard lock{mutex_};
    const auto& said = ends_[index(other(side))].said;
    const bool something = said.hello || said.refusal || said.gone;
    if (!something) ends_[index(side)].listening = bell;
    return said;
}

void Passage::leave(Side side) {
    std::shared_ptr<Doorbell> woken;
    {
        const std::lock_guard lock{mutex_};
        ends_[index(side)].said.gone = true;
        ends_[index(side)].listening = nullptr;
        woken = std::exchange(ends_[index(other(side))].listening, nullptr);
    }
    if (woken != nullptr) woken->ring();
    lane_from(side).finish();
    lane_to(side).close();
}

bool Passage::left(Side side) const {
    const std::lock_guard lock{mutex_};
    return ends_[index(side)].said.gone;
}

}  // namespace braid::transport
