#include "catch.hpp"

#include <braid/error.hpp>

#include <set>
#include <string>

using braid::errc;

namespace {
constexpr int first = static_cast<int>(errc::address_invalid);
constexpr int last = static_cast<int>(errc::idle_timeout);
}  // namespace

TEST_CASE("each error code says what happened and what to do, and no two say the same") {
    const std::string unknown = braid::category().message(last + 1);
    std::set<std::string> texts;
    for (int code = first; code <= last; ++code) {
        const std::string text = make_error_code(static_cast<errc>(code)).message();
        INFO(code << ": " << text);
        CHECK(text != unknown);
        CHECK(text.find("; ") != std::string::npos);
        CHECK(texts.insert(text).second);
    }
    CHECK(braid::category().message(0) == unknown);
    CHECK(braid::category().message(-1) == unknown);
}

TEST_CASE("error codes compare with braid::errc") {
    const std::error_code code = errc::stream_closed;
    CHECK(code == errc::stream_closed);
    CHECK(code != errc::stream_reset);
    CHECK(code.category() == braid::category());
    CHECK(std::string{code.category().name()} == "braid");
}

TEST_CASE("braid's exceptions are system_errors with a code and a text") {
    try {
        throw braid::HandshakeError{errc::handshake_version};
    } catch (const braid::ConnectError& error) {
        CHECK(error.code() == errc::handshake_version);
        CHECK(std::string{error.what()}.find("another version of the wire") != std::string::npos);
    }
    CHECK_THROWS_AS(throw braid::StreamError{errc::stream_closed}, std::system_error);
}
