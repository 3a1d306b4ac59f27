#pragma once

#include "runtime/network.hpp"
#include "runtime/wait_list.hpp"

#include <asio/awaitable.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace braid::runtime {

/// A question that one coroutine asks and another answers elsewhere. What is answered to somebody
/// who has gone away is put back: see succeed().
template <typename T>
class Call {
public:
    static asio::awaitable<std::shared_ptr<T>> result(std::shared_ptr<Call> self) {
        const Asking asking{*self};
        for (;;) {
            const auto ticket = self->done_.ticket();
            {
                const std::lock_guard lock{self->mutex_};
                if (self->error_) std::rethrow_exception(self->error_);
                if (self->result_ != nullptr) co_return std::move(self->result_);
            }
            co_await self->done_.wait(ticket, self);
        }
    }

    /// @returns false if nobody wants it any more
    bool succeed(std::shared_ptr<T> result) {
        {
            const std::lock_guard lock{mutex_};
            if (!wanted_) return false;
            result_ = std::move(result);
        }
        done_.notify();
        return true;
    }

    void fail(std::exception_ptr error) {
        {
            const std::lock_guard lock{mutex_};
            error_ = std::move(error);
        }
        done_.notify();
    }

    bool wanted() const {
        const std::lock_guard lock{mutex_};
        return wanted_;
    }

    /// The result, if the one who asked went away just before he could take it.
    std::shared_ptr<T> left_behind() {
        const std::lock_guard lock{mutex_};
        return std::move(result_);
    }

private:
    class Asking {
    public:
        explicit Asking(Call& call) noexcept : call_{call} {}
        Asking(const Asking&) = delete;
        Asking& operator=(const Asking&) = delete;
        ~Asking() {
            const std::lock_guard lock{call_.mutex_};
            call_.wanted_ = false;
        }

    private:
        Call& call_;
    };

    mutable std::mutex mutex_;
    bool wanted_ = true;
    std::shared_ptr<T> result_;
    std::exception_ptr error_;
    WaitList done_;
};

struct Network::ListenCall : Call<Listening> {
    ~ListenCall() {
        if (const auto left = left_behind()) left->stop();
    }
};

struct Network::ConnectCall : Call<Participant> {
    ~ConnectCall() {
        if (const auto left = left_behind()) left->release();
    }

    std::shared_ptr<Meeting> meeting;
    std::uint64_t since = 0;  // which participants came while it was under way
    protocol::Time by = protocol::never;
};

}  // namespace braid::runtime
