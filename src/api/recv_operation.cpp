#include "runtime/stream.hpp"

#include <braid/recv_operation.hpp>

namespace braid::detail {

bool ready(runtime::Stream& stream) { return stream.ready(); }

Arrival look(runtime::Stream& stream, Arrived& arrived) { return stream.look(arrived); }

void taken(runtime::Stream& stream) { stream.taken(); }

std::error_code end_of(const runtime::Stream& stream) { return stream.end(); }

asio::awaitable<void> wait(std::shared_ptr<runtime::Stream> stream) {
    return runtime::Stream::wait(std::move(stream));
}

std::shared_ptr<runtime::Stream> keep(runtime::Stream& stream) { return stream.shared_from_this(); }

}  // namespace braid::detail
