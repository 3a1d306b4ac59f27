#include "transport/mpsc/listener.hpp"

#include "transport/mpsc/encounter.hpp"
#include "transport/strand_executor.hpp"

#include <braid/address.hpp>
#include <braid/error.hpp>

#include <asio/error.hpp>

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace braid::transport {

class MpscDoor {
public:
    explicit MpscDoor(std::shared_ptr<Doorbell> bell) noexcept : bell_{std::move(bell)} {}

    enum class Knocked { yes, full, closed };

    Knocked knock(std::shared_ptr<Passage> passage) {
        {
            const std::lock_guard lock{mutex_};
            if (closed_) return Knocked::closed;
            if (waiting_.size() >= MpscListener::backlog_max) {
                std::erase_if(waiting_,
                              [](const auto& each) { return each->left(Passage::Side::dialling); });
            }
            if (waiting_.size() >= MpscListener::backlog_max) return Knocked::full;
            waiting_.push_back(std::move(passage));
        }
        bell_->ring();
        return Knocked::yes;
    }

    /// The next one who still waits.
    std::shared_ptr<Passage> next() {
        const std::lock_guard lock{mutex_};
        while (!waiting_.empty()) {
            auto passage = std::move(waiting_.front());
            waiting_.pop_front();
            if (!passage->left(Passage::Side::dialling)) return passage;
        }
        return nullptr;
    }

    bool closed() const {
        const std::lock_guard lock{mutex_};
        return closed_;
    }

    /// @returns false if it was closed before
    bool close() {
        std::deque<std::shared_ptr<Passage>> dropped;
        const std::lock_guard lock{mutex_};
        waiting_.swap(dropped);
        for (const auto& each : dropped) each->leave(Passage::Side::accepting);
        return !std::exchange(closed_, true);
    }

private:
    const std::shared_ptr<Doorbell> bell_;
    mutable std::mutex mutex_;
    std::deque<std::shared_ptr<Passage>> waiting_;
    bool closed_ = false;
};

namespace {

class Table {
public:
    /// @returns the number; nothing if it is taken
    std::optional<std::uint64_t> enter(std::uint64_t number, std::shared_ptr<MpscDoor> door) {
        const std::lock_guard lock{mutex_};
        if (number == 0) {
            while (doors_.contains(next_free_)) ++next_free_;
            number = next_free_++;
        }
        if (!doors_.emplace(number, std::move(door)).second) return std::nullopt;
        return number;
    }

    void leave(std::uint64_t number) noexcept {
        const std::lock_guard lock{mutex_};
        doors_.erase(number);
    }

    std::shared_ptr<MpscDoor> find(std::uint64_t number) const {
        const std::lock_guard lock{mutex_};
        const auto found = doors_.find(number);
        return found == doors_.end() ? nullptr : found->second;
    }

private:
    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<MpscDoor>> doors_;
    // Apart from the numbers that people choose, and none twice, lest a late call reach a stranger.
    std::uint64_t next_free_ = std::uint64_t{1} << 32;
};

// Never destroyed: Networks may live in objects with static storage.
Table& table() {
    static auto& instance = *new Table;
    return instance;
}

}  // namespace

MpscListener::MpscListener(const asio::any_io_executor& strand, std::uint64_t number)
    : strand_{strand},
      bell_{Doorbell::make(strand)},
      door_{std::make_shared<MpscDoor>(bell_)},
      number_{number} {
    const auto entered = table().enter(number, door_);
    if (!entered) {
        door_->close();
        bell_->take_down();
        throw NetworkError{asio::error::address_in_use, to_string(address())};
    }
    number_ = *entered;
}

MpscListener::~MpscListener() {
    close();
    bell_->take_down();
}

ListenAddr MpscListener::address() const { return ListenAddr::mpsc(number_); }

asio::awaitable<std::unique_ptr<Encounter>> MpscListener::accept() {
    const auto side = Passage::Side::accepting;
    while (!door_->closed()) {
        if (auto passage = door_->next()) {
            // Connections on strands of their own run side by side, not within the listener's.
            const auto strand = strand_over(beneath(strand_));
            co_return std::make_unique<MpscEncounter>(strand, number_,
                                                      PassageEnd{std::move(passage), side});
        }
        co_await Doorbell::wait(bell_);
    }
    throw NetworkError{asio::error::operation_aborted, to_string(address())};
}

void MpscListener::close() noexcept {
    if (!door_->close()) return;
    table().leave(number_);
    bell_->ring();
}

void knock(std::uint64_t number, std::shared_ptr<Passage> passage) {
    const auto door = table().find(number);
    const auto knocked = door == nullptr ? MpscDoor::Knocked::closed : door->knock(passage);
    if (knocked == MpscDoor::Knocked::yes) return;
    const auto why = knocked == MpscDoor::Knocked::full
                         ? "too many wait there to be taken"
                         : "nobody in this process listens on that number";
    throw ConnectError{asio::error::connection_refused,
                       to_string(ListenAddr::mpsc(number)) + ": " + why};
}

}  // namespace braid::transport
