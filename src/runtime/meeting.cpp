#include "runtime/meeting.hpp"

#include <utility>

namespace braid::runtime {

std::shared_ptr<Meeting> Meeting::make(const asio::any_io_executor& strand,
                                       std::shared_ptr<Timers> timers) {
    std::shared_ptr<Meeting> meeting{new Meeting{strand, std::move(timers)}};
    meeting->deadline_.set_target(meeting);
    if (!meeting->residents_->enter(*meeting)) meeting->strand_.give_up();
    return meeting;
}

Meeting::Meeting(const asio::any_io_executor& strand, std::shared_ptr<Timers> timers)
    : residents_{transport::Residents::of(strand)}, timers_{std::move(timers)}, strand_{strand} {}

Meeting::~Meeting() {
    timers_->remove(deadline_);
    encounter_.reset();
    strand_.give_up();
    residents_->leave(*this);
}

void Meeting::begin(std::unique_ptr<transport::Encounter> encounter) {
    encounter_ = std::move(encounter);
    if (closed_) encounter_->close();
}

void Meeting::close() {
    closed_ = true;
    strand_.post([self = shared_from_this()] {
        if (self->encounter_ != nullptr) self->encounter_->close();
    });
}

void Meeting::alarm() noexcept {
    timed_out_ = true;
    close();
}

bool Meeting::claim() noexcept {
    claimed_ = weak_from_this().lock();
    return claimed_ != nullptr;
}

void Meeting::evict() noexcept {
    const auto self = std::move(claimed_);
    strand_.give_up();
    encounter_.reset();
}

}  // namespace braid::runtime
