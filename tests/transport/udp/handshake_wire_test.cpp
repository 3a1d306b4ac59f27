// The datagrams and the tag that docs/wire.md shows, decoded and encoded.

#include "catch.hpp"
#include "crypto/mac_cipher.hpp"
#include "transport/udp/handshake_datagram.hpp"

#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace braid;
using namespace braid::transport;

namespace {

struct Example {
    std::vector<std::byte> bytes;
    std::string text;
};

void append_hex(const std::string& line, std::vector<std::byte>& bytes) {
    std::istringstream words{line};
    for (std::string word; words >> word;) {
        unsigned value = 0;
        const auto result = std::from_chars(word.data(), word.data() + word.size(), value, 16);
        REQUIRE(result.ec == std::errc{});
        bytes.push_back(static_cast<std::byte>(value));
    }
}

/// Blocks of that name: lines of bytes, then one of what they mean.
std::vector<Example> examples(const std::string& name) {
    std::ifstream page{std::string{BRAID_SOURCE_DIR} + "/docs/wire.md"};
    REQUIRE(page);
    std::vector<Example> found;
    for (std::string line; std::getline(page, line);) {
        if (line != "```" + name) continue;
        Example example;
        while (std::getline(page, line) && line != "```") {
            if (!example.text.empty()) append_hex(example.text, example.bytes);
            example.text = line;
        }
        found.push_back(example);
    }
    return found;
}

std::string to_hex(std::span<const std::byte> bytes) {
    if (bytes.empty()) return "-";
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const auto byte : bytes) {
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

template <class Array>
std::string hex_of(const Array& array) {
    return to_hex(std::as_bytes(std::span{array}));
}

std::string to_text(const PlainMessage& message) {
    const auto& hello = message.hello;
    const auto& terms = message.terms;
    std::ostringstream out;
    out << " pid " << hex_of(hello.pid.bytes) << " session " << hex_of(hello.session)
        << " application " << hello.application_name << ' ' << hello.application_version
        << " numbers " << hello.stream_credit << ' ' << hello.participant_credit << ' '
        << hello.streams << ' ' << hello.message_bytes_max << ' ' << hello.idle_ms << " connection "
        << std::hex << terms.connection_id.value_or(0) << std::dec << " datagram "
        << terms.datagram_bytes_max << " delay " << terms.ack_delay_max.count() / 1000 << " token "
        << (terms.reset_token ? hex_of(*terms.reset_token) : "-");
    return out.str();
}

/// What a datagram says, and its bytes as encoded from that.
Example again(const Example& example) {
    std::ostringstream out;
    out << std::hex;
    if (const auto token = decode_reset(example.bytes)) {
        return {encode_reset(*token), "reset token " + hex_of(*token)};
    }
    const auto head = HandshakeHead::decode(example.bytes);
    REQUIRE(head);
    out << "attempt " << head->attempt << std::dec << " version " << unsigned{head->version.major}
        << '.' << unsigned{head->version.minor};
    switch (head->kind) {
        case HandshakeKind::initial: {
            const auto initial = InitialBody::decode(head->body);
            const auto message = PlainMessage::decode(initial.value().message);
            out << " pattern " << unsigned{initial->pattern} << " cookie "
                << (initial->cookie ? hex_of(*initial->cookie) : "-") << to_text(message.value());
            auto bytes = encode_initial(head->attempt, initial->cookie, *message);
            CHECK(bytes.size() == 1200);
            // The page leaves the padding out.
            for (; bytes.size() > example.bytes.size(); bytes.pop_back()) {
                CHECK(bytes.back() == std::byte{0});
            }
            return {bytes, "initial " + out.str()};
        }
        case HandshakeKind::retry: {
            const auto cookie = decode_retry(head->body);
            out << " cookie " << hex_of(cookie.value());
            return {encode_retry(head->attempt, *cookie), "retry " + out.str()};
        }
        case HandshakeKind::accept: {
            const auto message = PlainMessage::decode(decode_accept(head->body).value());
            out << to_text(message.value());
            return {encode_accept(head->attempt, *message), "accept " + out.str()};
        }
        case HandshakeKind::version: {
            const protocol::WireVersion versions[] = {{2, 0}, {1, 3}};
            const auto refusal = decode_version(head->body);
            out << " says " << refusal.value().text;
            return {encode_version(head->attempt, versions), "version " + out.str()};
        }
        default: {
            const auto refusal = decode_refuse(head->body);
            out << " reason " << unsigned{std::to_integer<std::uint8_t>(head->body[0])} << " text "
                << refusal.value().text << " pid " << hex_of(refusal->pid.bytes);
            return {encode_refuse(head->attempt, *refusal), "refuse " + out.str()};
        }
    }
}

/// The bytes behind that word.
std::vector<std::byte> part(const Example& example, const std::string& name) {
    std::istringstream words{example.text};
    std::string word;
    while (words >> word && word != name) {
    }
    words >> word;
    std::vector<std::byte> bytes;
    for (std::size_t i = 0; i + 1 < word.size(); i += 2) append_hex(word.substr(i, 2), bytes);
    return bytes;
}

std::array<std::uint8_t, 16> session(const Example& example, const std::string& name) {
    const auto bytes = part(example, name);
    std::array<std::uint8_t, 16> result{};
    REQUIRE(bytes.size() == result.size());
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
}

}  // namespace

TEST_CASE("the handshake datagrams of docs/wire.md are what the code reads and writes") {
    const auto all = examples("datagram");
    CHECK(all.size() == 7);
    for (const auto& example : all) {
        INFO(example.text);
        const auto encoded = again(example);
        CHECK(encoded.text == example.text);
        CHECK(to_hex(encoded.bytes) == to_hex(example.bytes));
    }
}

TEST_CASE("the tag of docs/wire.md is what the cipher makes") {
    const auto all = examples("tag");
    REQUIRE(all.size() == 1);
    const auto& example = all.front();
    const auto ciphers =
        crypto::make_mac_ciphers(protocol::HandshakeSide::dialling, session(example, "dialling"),
                                 session(example, "accepting"));
    auto payload = part(example, "payload");
    std::vector<std::byte> tag(crypto::MacCipher::tag_size);
    ciphers.sealing->seal(0x1234, part(example, "header"), payload, tag.data());
    CHECK(to_hex(tag) == to_hex(example.bytes));
}
