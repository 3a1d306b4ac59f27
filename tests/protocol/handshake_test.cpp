#include "protocol/handshake.hpp"

#include "catch.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

using namespace braid;
using namespace braid::protocol;

namespace {

constexpr std::size_t header_bytes = 11;

Hello example() {
    Hello hello;
    hello.pid = Pid::numbered(1);
    for (std::size_t i = 0; i < hello.session.size(); ++i) {
        hello.session[i] = static_cast<std::uint8_t>(i * 7);
    }
    hello.application_name = "chess";
    hello.application_version = "2.1";
    hello.stream_credit = 256u << 10;
    hello.participant_credit = 1u << 20;
    hello.streams = 256;
    hello.message_bytes_max = 16u << 20;
    hello.idle_ms = 15'000;
    return hello;
}

struct Read {
    HandshakeStatus status = HandshakeStatus::incomplete;
    Hello hello;
    Refusal refusal;
    std::size_t consumed = 0;
};

Read read(std::span<const std::byte> bytes, HandshakeSide peer = HandshakeSide::dialling) {
    HandshakeReader reader{peer};
    auto rest = bytes;
    Read result;
    result.status = reader.read(rest);
    result.hello = reader.hello();
    result.refusal = reader.refusal();
    result.consumed = bytes.size() - rest.size();
    return result;
}

void set_length(std::vector<std::byte>& bytes) {
    const auto body = bytes.size() - header_bytes;
    bytes[9] = static_cast<std::byte>(body);
    bytes[10] = static_cast<std::byte>(body >> 8);
}

}  // namespace

TEST_CASE("a hello is read as it was written") {
    for (const auto side : {HandshakeSide::dialling, HandshakeSide::accepting}) {
        auto hello = example();
        CHECK(read(encode_hello(hello, side), side).status == HandshakeStatus::hello);
        CHECK(read(encode_hello(hello, side), side).hello == hello);

        hello.application_name.assign(application_text_bytes_max, 'x');
        hello.application_version.clear();
        hello.stream_credit = hello_number_max;
        hello.participant_credit = 0;
        CHECK(read(encode_hello(hello, side), side).hello == hello);
    }
}

TEST_CASE("a refusal is read as it was written, whatever its reason") {
    for (const auto reason :
         {errc::handshake_malformed, errc::handshake_version, errc::handshake_application,
          errc::handshake_security, errc::handshake_timeout, errc::self_connect,
          errc::already_connected, errc::too_many_participants, errc::network_closed}) {
        Refusal refusal;
        refusal.reason = reason;
        refusal.text = "because";
        // By which two that dial each other at the same moment know that they do.
        if (reason == errc::already_connected) refusal.pid = braid::Pid::numbered(7);
        const auto got = read(encode_refusal(refusal), HandshakeSide::accepting);
        CHECK(got.status == HandshakeStatus::refused);
        CHECK(got.refusal == refusal);
    }
}

TEST_CASE("a reason without a number on the wire still refuses") {
    Refusal refusal;
    refusal.reason = errc::send_queue_full;
    const auto got = read(encode_refusal(refusal), HandshakeSide::accepting);
    CHECK(got.status == HandshakeStatus::refused);
    CHECK(got.refusal.reason == errc::participant_disconnected);
}

TEST_CASE("a refusal's text is cut and cannot break a log line") {
    Refusal refusal;
    refusal.text = "a\nb\x1b[31m" + std::string(300, 'c');
    const auto got = read(encode_refusal(refusal), HandshakeSide::accepting);
    CHECK(got.refusal.text.size() == refusal_text_bytes_max);
    CHECK(got.refusal.text.substr(0, 9) == "a?b?[31mc");
}

TEST_CASE("the versions answer names the versions") {
    const WireVersion spoken[] = {{2, 0}, {3, 7}};
    const auto bytes = encode_versions(spoken);
    const auto got = read(bytes, HandshakeSide::accepting);
    CHECK(got.status == HandshakeStatus::refused);
    CHECK(got.refusal.reason == errc::handshake_version);
    CHECK(got.refusal.text == "this end speaks wire version 1.0, the peer 2.0, 3.7");
    CHECK(read(encode_versions({}), HandshakeSide::accepting).status == HandshakeStatus::refused);
}

TEST_CASE("every answer can come in any pieces, and what follows stays") {
    const WireVersion spoken[] = {{2, 0}, {3, 7}};
    Refusal refusal;
    refusal.text = "no";
    Refusal known = refusal;
    known.reason = errc::already_connected;
    known.pid = braid::Pid::numbered(7);
    for (auto bytes : {encode_hello(example(), HandshakeSide::accepting), encode_refusal(refusal),
                       encode_refusal(known), encode_versions(spoken)}) {
        const auto size = bytes.size();
        const auto whole = read(bytes, HandshakeSide::accepting);
        bytes.insert(bytes.end(), 100, std::byte{0x90});
        for (std::size_t split = 0; split <= size; ++split) {
            HandshakeReader reader{HandshakeSide::accepting};
            auto first = std::span<const std::byte>{bytes}.first(split);
            const auto early = reader.read(first);
            REQUIRE(first.empty());
            REQUIRE(early == (split < size ? HandshakeStatus::incomplete : whole.status));
            auto second = std::span<const std::byte>{bytes}.subspan(split);
            REQUIRE(reader.read(second) == whole.status);
            REQUIRE(second.size() == 100);
            REQUIRE(reader.hello() == whole.hello);
            REQUIRE(reader.refusal() == whole.refusal);
        }
        HandshakeReader reader{HandshakeSide::accepting};
        for (std::size_t i = 0; i < size; ++i) {
            auto one = std::span<const std::byte>{bytes}.subspan(i, 1);
            REQUIRE(reader.read(one) ==
                    (i + 1 < size ? HandshakeStatus::incomplete : whole.status));
            REQUIRE(one.empty());
        }
        REQUIRE(reader.hello() == whole.hello);
    }
}

TEST_CASE("a body that ends too early is malformed") {
    const auto bytes = encode_hello(example(), HandshakeSide::dialling);
    for (auto size = header_bytes; size < bytes.size(); ++size) {
        auto cut = std::vector(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        set_length(cut);
        const auto got = read(cut);
        REQUIRE(got.status == HandshakeStatus::failed);
        REQUIRE(got.refusal.reason == errc::handshake_malformed);
    }
}

TEST_CASE("what a later minor version appends is skipped") {
    auto bytes = encode_hello(example(), HandshakeSide::dialling, WireVersion{1, 9});
    bytes.insert(bytes.end(), handshake_bytes_max - bytes.size(), std::byte{0xff});
    set_length(bytes);
    const auto got = read(bytes);
    CHECK(got.status == HandshakeStatus::hello);
    CHECK(got.hello == example());
    CHECK(got.consumed == handshake_bytes_max);

    bytes.push_back(std::byte{0});
    set_length(bytes);
    const auto longer = read(bytes);
    CHECK(longer.status == HandshakeStatus::failed);
    CHECK(longer.consumed == header_bytes);
}

TEST_CASE("a byte that cannot be right fails at once") {
    const auto bytes = encode_hello(example(), HandshakeSide::dialling);
    const auto fails_at = [&](std::size_t position, std::byte value, errc reason) {
        auto wrong = bytes;
        wrong[position] = value;
        const auto got = read(wrong);
        CHECK(got.status == HandshakeStatus::failed);
        CHECK(got.refusal.reason == reason);
        CHECK(got.consumed == position + 1);
    };
    for (std::size_t i = 0; i < 5; ++i) fails_at(i, std::byte{'b'}, errc::handshake_not_braid);
    fails_at(5, std::byte{0}, errc::handshake_not_braid);
    fails_at(5, std::byte{2}, errc::handshake_not_braid);  // an answer where a greeting is due
    fails_at(6, std::byte{2}, errc::handshake_version);
    fails_at(8, std::byte{1}, errc::handshake_security);
    fails_at(10, std::byte{0x10}, errc::handshake_malformed);

    SECTION("an echo is no answer") {
        const auto echo = read(bytes, HandshakeSide::accepting);
        CHECK(echo.status == HandshakeStatus::failed);
        CHECK(echo.refusal.reason == errc::handshake_not_braid);
    }
    SECTION("nothing is taken after a failure") {
        HandshakeReader reader{HandshakeSide::dialling};
        const std::vector garbage(10, std::byte{'G'});
        std::span<const std::byte> rest{garbage};
        CHECK(reader.read(rest) == HandshakeStatus::failed);
        CHECK(reader.read(rest) == HandshakeStatus::failed);
        CHECK(rest.size() == 9);
    }
}

TEST_CASE("numbers and texts out of bounds are malformed") {
    const auto clean = example();
    const auto rejected = [](const Hello& hello) {
        const auto got = read(encode_hello(hello, HandshakeSide::dialling));
        return got.status == HandshakeStatus::failed &&
               got.refusal.reason == errc::handshake_malformed;
    };
    auto hello = clean;
    hello.idle_ms = 0;
    CHECK(rejected(hello));
    hello = clean;
    hello.application_name = "two\nlines";
    CHECK(rejected(hello));
    CHECK_FALSE(application_text_valid("two\nlines"));
    CHECK_FALSE(application_text_valid(std::string(65, 'x')));
    CHECK(application_text_valid("Spa\xc3\x9f 2"));

    SECTION("an encoder cuts what is too large") {
        hello = clean;
        hello.stream_credit = ~std::uint64_t{0};
        CHECK(read(encode_hello(hello, HandshakeSide::dialling)).hello.stream_credit ==
              hello_number_max);
    }
    SECTION("a larger number from the wire") {
        hello = clean;
        hello.idle_ms = hello_number_max;
        auto bytes = encode_hello(hello, HandshakeSide::dialling);
        bytes.back() = std::byte{1};
        const auto got = read(bytes);
        CHECK(got.status == HandshakeStatus::failed);
        CHECK(got.refusal.reason == errc::handshake_malformed);
    }
}

TEST_CASE("a corrupted byte is rejected or yields a well-formed hello") {
    const auto bytes = encode_hello(example(), HandshakeSide::dialling);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        for (unsigned value = 0; value < 256; ++value) {
            auto wrong = bytes;
            wrong[i] = static_cast<std::byte>(value);
            const auto got = read(wrong);
            if (got.status != HandshakeStatus::hello) continue;
            REQUIRE(application_text_valid(got.hello.application_name));
            REQUIRE(application_text_valid(got.hello.application_version));
            REQUIRE(got.hello.idle_ms != 0);
            for (const auto number :
                 {got.hello.stream_credit, got.hello.participant_credit, got.hello.streams,
                  got.hello.message_bytes_max, got.hello.idle_ms}) {
                REQUIRE(number <= hello_number_max);
            }
            // It has one encoding: what was read is what would be written.
            if (i < header_bytes || wrong[9] != bytes[9]) continue;
            auto again = encode_hello(got.hello, HandshakeSide::dialling);
            again.resize(std::max(again.size(), wrong.size()));
            REQUIRE(read(again).hello == got.hello);
        }
    }
}

TEST_CASE("two applications that differ refuse each other by name") {
    auto dialling = example();
    auto accepting = example();
    CHECK_FALSE(check_application(dialling, accepting));

    accepting.application_version = "3";
    const auto version = check_application(dialling, accepting);
    REQUIRE(version);
    CHECK(version->reason == errc::handshake_application);
    CHECK(version->text ==
          "the dialling side runs \"chess\" version \"2.1\", the accepting side "
          "\"chess\" version \"3\"");

    accepting = example();
    accepting.application_name = "go";
    REQUIRE(check_application(dialling, accepting));
    CHECK(check_application(dialling, accepting)->text.find("\"go\"") != std::string::npos);
}
