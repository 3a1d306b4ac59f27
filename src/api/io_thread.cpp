#include <braid/error.hpp>
#include <braid/io_thread.hpp>

#include <asio/co_spawn.hpp>
#include <asio/execution/outstanding_work.hpp>
#include <asio/io_context.hpp>
#include <asio/prefer.hpp>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace braid {

namespace {

/// How one thread waits for a coroutine that runs on others.
class Outcome {
public:
    void done(std::exception_ptr thrown) {
        const std::lock_guard lock{mutex_};
        done_ = true;
        thrown_ = std::move(thrown);
        // Under the lock: whoever waits may destroy this as soon as it is free.
        changed_.notify_one();
    }

    void wait() {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [&] { return done_; });
        if (thrown_) std::rethrow_exception(thrown_);
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool done_ = false;
    std::exception_ptr thrown_;
};

}  // namespace

class IoThread::Core {
public:
    explicit Core(unsigned threads) : context_{static_cast<int>(threads)} {
        busy_ = asio::prefer(executor(), asio::execution::outstanding_work.tracked);
        threads_.reserve(threads);
    }
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    ~Core() {
        context_.stop();
        for (auto& each : threads_) each.join();
        busy_ = {};
    }

    void start_thread() {
        threads_.emplace_back([this] { context_.run(); });
    }

    asio::any_io_executor executor() noexcept { return context_.get_executor(); }
    bool runs_here() noexcept { return context_.get_executor().running_in_this_thread(); }

private:
    asio::io_context context_;
    asio::any_io_executor busy_;
    std::vector<std::thread> threads_;
};

IoThread::IoThread(unsigned threads) {
    if (threads == 0) {
        throw NetworkError{errc::options_invalid, "an IoThread needs one thread at least"};
    }
    core_ = std::make_unique<Core>(threads);
    for (unsigned i = 0; i < threads; ++i) core_->start_thread();
}

IoThread::~IoThread() = default;

asio::any_io_executor IoThread::executor() const noexcept { return core_->executor(); }

void IoThread::wait(asio::awaitable<void> coroutine) {
    if (core_->runs_here()) {
        throw std::system_error{std::make_error_code(std::errc::resource_deadlock_would_occur),
                                "IoThread::wait() was called by one of its own threads; co_await "
                                "the operation there, or start() it"};
    }
    Outcome outcome;
    asio::co_spawn(core_->executor(), std::move(coroutine),
                   [&outcome](std::exception_ptr thrown) { outcome.done(std::move(thrown)); });
    outcome.wait();
}

void IoThread::begin(asio::awaitable<void> coroutine) {
    spawn(core_->executor(), std::move(coroutine));
}

}  // namespace braid
