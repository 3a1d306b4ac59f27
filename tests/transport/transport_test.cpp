#include "transport/transport.hpp"

#include "catch.hpp"
#include "loopback.hpp"

#include <braid/error.hpp>

#include <string>

using namespace braid;
using namespace braid::transport;

TEST_CASE("transports that this build cannot speak are refused by name") {
    const std::string address = "quic://127.0.0.1:1";
    asio::io_context context;
    auto transports = test::system_transports();
    std::error_code code;
    std::string said;
    const auto dial = [&]() -> asio::awaitable<void> {
        try {
            co_await transports.dial(address);
        } catch (const ConnectError& error) {
            code = error.code();
            said = error.what();
        }
    };
    test::run(context, dial());
    CHECK(code == errc::address_invalid);
    CHECK(said.find(address + ": this build does not speak " + "quic") != std::string::npos);

    const auto listen = [&]() -> asio::awaitable<void> {
        try {
            co_await transports.listen(address, {});
        } catch (const NetworkError& error) {
            code = error.code();
        }
    };
    code.clear();
    test::run(context, listen());
    CHECK(code == errc::address_invalid);
}
