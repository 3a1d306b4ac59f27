#pragma once

#include "transport/doorbell.hpp"
#include "transport/driver.hpp"
#include "transport/mpsc/link.hpp"
#include "transport/mpsc/passage.hpp"

#include <asio/any_io_executor.hpp>

#include <cstddef>
#include <memory>

namespace braid::transport {

/// Moves batches between an MpscLink and the two lanes of a passage.
class MpscDriver final : public Driver {
public:
    /// `link` lives as long as anything but the destructor is called.
    MpscDriver(PassageEnd end, const asio::any_io_executor& strand, MpscLink& link);
    ~MpscDriver() override;
    MpscDriver(const MpscDriver&) = delete;
    MpscDriver& operator=(const MpscDriver&) = delete;

    asio::awaitable<void> read() override;
    bool try_write() override;
    asio::awaitable<void> write() override;
    void finish() noexcept override;
    void close() noexcept override;

private:
    bool write_now();

    PassageEnd end_;
    MpscLink& link_;
    const std::shared_ptr<Doorbell> reader_;
    const std::shared_ptr<Doorbell> writer_;
    std::size_t turn_read_ = 0;  // bytes moved since the coroutine last gave way
    std::size_t turn_written_ = 0;
    bool full_ = false;  // the lane, when it was last written to
    bool closed_ = false;
};

}  // namespace braid::transport
