#pragma once

#include "api/trial.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

// One list of expectations, which holds on every transport. Each ON_EVERY_TRANSPORT is compiled
// once and becomes one test case for each of them, named "...: tcp".

namespace conformance {

using namespace trial;

/// What a test is told about what carries its bytes. It may ask where docs/promises.md says that
/// transports differ, and nowhere else.
struct Transport {
    const char* free_address;  ///< to listen at: takes a port or number that is free
    bool loses_nothing;        ///< messages are dropped at the ends only, and counted there
    bool encrypted;            ///< can keep Promises::encrypted
    bool within_process;       ///< nothing is compressed, and who dials has no address of its own
};

inline constexpr Transport tcp{"tcp://127.0.0.1:0", true, false, false};
inline constexpr Transport udp{"udp://127.0.0.1:0", false, false, false};
inline constexpr Transport mpsc{"mpsc://0", true, false, true};

// All transports: a new one is defined above and named here.
#define BRAID_FOR_TRANSPORTS(run_on, body, name) \
    run_on(body, name, tcp) run_on(body, name, udp) run_on(body, name, mpsc)

#define BRAID_RUN_ON(body, name, transport) \
    TEST_CASE(name ": " #transport) { conformance::carry_out(body, conformance::transport); }

#define BRAID_EXPECTATION(result, body, name)                    \
    static result body(const conformance::Transport& transport); \
    BRAID_FOR_TRANSPORTS(BRAID_RUN_ON, body, name)               \
    static result body([[maybe_unused]] const conformance::Transport& transport)

#define BRAID_JOIN_EXPANDED(left, right) left##right
#define BRAID_JOIN(left, right) BRAID_JOIN_EXPANDED(left, right)

/// Starts the body of a test that is a coroutine, on one thread; it sees `transport`.
#define ON_EVERY_TRANSPORT(name) \
    BRAID_EXPECTATION(asio::awaitable<void>, BRAID_JOIN(expectation_, __LINE__), name)

/// Starts the body of a test that runs its own contexts and threads; it sees `transport`.
#define ON_EVERY_TRANSPORT_UNAIDED(name) \
    BRAID_EXPECTATION(void, BRAID_JOIN(expectation_, __LINE__), name)

void carry_out(awaitable<void> (*body)(const Transport&), const Transport& transport);
void carry_out(void (*body)(const Transport&), const Transport& transport);

awaitable<Pair> make_pair(const Transport& transport, braid::Limits server = {},
                          braid::Limits client = {});

/// True for the system's error of that name, whichever category it came with: asio 1.22 does not
/// relate its own to std::errc.
bool is_system_error(std::error_code error, std::errc name);

/// Options that write no log lines.
braid::NetworkOptions quiet();

braid::StreamOptions promising(braid::Promises promises);

/// Room for all that a test sends, so that nothing waits for a reader.
braid::Limits roomy();

/// Bytes that tell which message they are from, and that no two offsets share.
std::vector<std::byte> pattern(std::size_t size, unsigned seed = 0);
bool is_pattern(std::span<const std::byte> bytes, unsigned seed = 0);

/// Bytes that compress to a fraction.
std::vector<std::byte> repetitive(std::size_t size, unsigned seed = 0);

/// Sends the ints from `first` to below `end`, as the stream has room.
awaitable<void> send_numbers(braid::Stream& stream, int first, int end);

/// Receives the ints from `first` to below `end`, in this order.
awaitable<void> expect_numbers(braid::Stream& stream, int first, int end);

/// Checks that the stream ends cleanly, and with nothing more before it does.
awaitable<void> expect_end(braid::Stream& stream);

/// A coroutine that runs beside the test on its context, of one thread. What it throws is thrown
/// by joined().
class Aside {
public:
    Aside(asio::any_io_executor executor, awaitable<void> coroutine);

    bool done() const noexcept;
    void cancel();

    /// Waits for its end.
    awaitable<void> joined();

    /// How it ended, once it has: no error if by itself.
    std::error_code error() const;

private:
    struct State;
    static awaitable<void> join(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

/// A pair of which each end has a context of its own, so that one can stand still.
class Apart {
public:
    explicit Apart(const Transport& transport, braid::Limits server = {},
                   braid::Limits client = {});
    ~Apart();

    Lane lane(braid::StreamOptions options = {});

    /// Runs both ends until `coroutine`, on the client's context, is done.
    void run(awaitable<void> coroutine);

    /// The same while the server stands still.
    void run_client(awaitable<void> coroutine);

    /// Lets the server stand still until the channel takes no more from the client. What fills it
    /// has `priority` and no guarantee.
    void stall(braid::Priority priority = 0);

    asio::io_context server_context;
    asio::io_context client_context;
    std::unique_ptr<Pair> pair;

private:
    void run(awaitable<void> coroutine, bool server_runs);

    std::vector<braid::Stream> ballast_;
};

}  // namespace conformance
