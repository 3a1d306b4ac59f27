#include "protocol/handshake_body.hpp"

#include "catch.hpp"

#include <string>

using namespace braid;
using namespace braid::protocol;

namespace {

Hello hello() {
    Hello result;
    result.pid = Pid::numbered(3);
    result.session.fill(7);
    result.application_name = "chess";
    result.application_version = "2";
    result.stream_credit = 1 << 18;
    result.participant_credit = 1 << 20;
    result.streams = 256;
    result.message_bytes_max = 1 << 24;
    result.idle_ms = 15'000;
    return result;
}

}  // namespace

TEST_CASE("the body of a hello reads as it was written and its end may grow") {
    std::vector<std::byte> bytes;
    append_hello(bytes, hello());
    CHECK(bytes.size() >= hello_body_bytes_min);
    Hello read;
    CHECK(decode_hello(bytes, read) == DecodeStatus::complete);
    CHECK(read == hello());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        CHECK(decode_hello(std::span{bytes}.first(i), read) == DecodeStatus::incomplete);
    }
    bytes.push_back(std::byte{0xff});
    CHECK(decode_hello(bytes, read) == DecodeStatus::complete);
    CHECK(read == hello());
}

TEST_CASE("the body of a refusal reads as it was written") {
    Refusal refusal;
    for (const auto reason : {errc::already_connected, errc::network_closed}) {
        refusal.reason = reason;
        refusal.text = "not now";
        refusal.pid = reason == errc::already_connected ? Pid::numbered(5) : Pid{};
        std::vector<std::byte> bytes;
        append_refusal(bytes, refusal);
        Refusal read;
        CHECK(decode_refusal(bytes, read) == DecodeStatus::complete);
        CHECK(read == refusal);
        bytes.pop_back();
        CHECK(decode_refusal(bytes, read) == DecodeStatus::incomplete);
    }
}

TEST_CASE("the body of a list of versions says what they are") {
    std::vector<std::byte> bytes;
    const WireVersion versions[] = {{2, 1}, {3, 0}};
    append_versions(bytes, versions);
    Refusal read;
    CHECK(decode_versions(bytes, read) == DecodeStatus::complete);
    CHECK(read.reason == errc::handshake_version);
    CHECK(read.text.find("2.1, 3.0") != std::string::npos);
    const std::vector<WireVersion> many(1000);
    bytes.clear();
    append_versions(bytes, many);
    CHECK(bytes.size() == 1 + 2 * 255);
}
