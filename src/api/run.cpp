#include <braid/run.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>
#include <utility>

namespace braid {

void run(asio::awaitable<void> main) {
    asio::io_context context{1};
    std::exception_ptr error;
    asio::co_spawn(context, std::move(main), [&](std::exception_ptr thrown) {
        error = thrown;
        context.stop();
    });
    context.run();
    if (error) std::rethrow_exception(error);
}

void spawn(asio::any_io_executor executor, asio::awaitable<void> coroutine) {
    asio::co_spawn(executor, std::move(coroutine), [](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
    });
}

}  // namespace braid
