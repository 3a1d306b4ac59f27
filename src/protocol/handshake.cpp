#include "protocol/handshake.hpp"

#include "protocol/handshake_body.hpp"
#include "protocol/handshake_fields.hpp"

#include <algorithm>
#include <utility>

namespace braid::protocol {

namespace {

// Every answer begins with these bytes; `length` counts what follows them. Up to `minor` they
// mean the same in all versions, and so does the whole of `versions`.
//
//     "BRAID"  kind  major  minor  security  length (16 bits, little-endian)
constexpr std::string_view magic = "BRAID";
constexpr std::size_t kind_position = 5;
constexpr std::size_t major_position = 6;
constexpr std::size_t minor_position = 7;
constexpr std::size_t security_position = 8;
constexpr std::size_t length_position = 9;
constexpr std::size_t header_bytes = 11;
constexpr std::size_t body_bytes_max = handshake_bytes_max - header_bytes;

enum class Kind : std::uint8_t { dialling = 1, accepting = 2, refusal = 3, versions = 4 };

constexpr std::uint8_t security_plain = 0;

std::vector<std::byte> header(Kind kind, WireVersion version) {
    std::vector<std::byte> bytes;
    HandshakeFieldWriter out{bytes};
    out.raw(std::as_bytes(std::span{magic}));
    out.byte(static_cast<std::uint8_t>(kind));
    out.byte(version.major);
    out.byte(version.minor);
    out.byte(security_plain);
    out.fixed(0, 2);
    return bytes;
}

std::vector<std::byte> with_length(std::vector<std::byte> bytes) {
    const auto body = bytes.size() - header_bytes;
    bytes[length_position] = static_cast<std::byte>(body);
    bytes[length_position + 1] = static_cast<std::byte>(body >> 8);
    return bytes;
}

std::string quoted(const Hello& hello) {
    return '"' + hello.application_name + "\" version \"" + hello.application_version + '"';
}

}  // namespace

std::optional<Refusal> check_application(const Hello& dialling, const Hello& accepting) {
    if (dialling.application_name == accepting.application_name &&
        dialling.application_version == accepting.application_version) {
        return std::nullopt;
    }
    Refusal refusal;
    refusal.reason = errc::handshake_application;
    refusal.text =
        "the dialling side runs " + quoted(dialling) + ", the accepting side " + quoted(accepting);
    refusal.text = printable_refusal(refusal.text);
    return refusal;
}

std::vector<std::byte> encode_hello(const Hello& hello, HandshakeSide side, WireVersion version) {
    auto bytes =
        header(side == HandshakeSide::dialling ? Kind::dialling : Kind::accepting, version);
    append_hello(bytes, hello);
    return with_length(std::move(bytes));
}

std::vector<std::byte> encode_refusal(const Refusal& refusal, WireVersion version) {
    auto bytes = header(Kind::refusal, version);
    append_refusal(bytes, refusal);
    return with_length(std::move(bytes));
}

std::vector<std::byte> encode_versions(std::span<const WireVersion> versions) {
    auto bytes = header(Kind::versions, versions.empty() ? WireVersion{} : versions.front());
    append_versions(bytes, versions);
    return with_length(std::move(bytes));
}

HandshakeStatus HandshakeReader::read(std::span<const std::byte>& in) {
    while (status_ == HandshakeStatus::incomplete && buffer_.size() < header_bytes && !in.empty()) {
        status_ = read_header_byte(in.front());
        in = in.subspan(1);
    }
    if (status_ != HandshakeStatus::incomplete || buffer_.size() < header_bytes) return status_;
    const auto missing = header_bytes + body_bytes_ - buffer_.size();
    const auto taken = in.first(std::min(missing, in.size()));
    buffer_.insert(buffer_.end(), taken.begin(), taken.end());
    in = in.subspan(taken.size());
    return status_ = read_body(taken.size() == missing);
}

HandshakeStatus HandshakeReader::read_header_byte(std::byte byte) {
    const auto position = buffer_.size();
    const auto value = std::to_integer<std::uint8_t>(byte);
    buffer_.push_back(byte);
    if (position < magic.size()) {
        if (value != static_cast<std::uint8_t>(magic[position])) {
            return fail(errc::handshake_not_braid);
        }
        return HandshakeStatus::incomplete;
    }
    const auto kind = static_cast<Kind>(buffer_[kind_position]);
    switch (position) {
        case kind_position: {
            const bool dialling = peer_ == HandshakeSide::dialling;
            const bool possible = dialling ? kind == Kind::dialling
                                           : kind >= Kind::accepting && kind <= Kind::versions;
            if (!possible) return fail(errc::handshake_not_braid);
            break;
        }
        case major_position:
            version_.major = value;
            if (kind != Kind::versions && value != WireVersion{}.major) {
                return fail(errc::handshake_version, "this end speaks wire version " +
                                                         to_string(WireVersion{}) + ", the peer " +
                                                         std::to_string(value));
            }
            break;
        case minor_position: version_.minor = value; break;
        case security_position:
            if (value != security_plain) {
                return fail(errc::handshake_security,
                            "this end speaks security pattern 0 (plain) only, the peer asked for " +
                                std::to_string(value));
            }
            break;
        case length_position: break;
        default:
            body_bytes_ = std::to_integer<std::size_t>(buffer_[length_position]) |
                          static_cast<std::size_t>(value) << 8;
            const bool hello = kind == Kind::dialling || kind == Kind::accepting;
            if (body_bytes_ > body_bytes_max || (hello && body_bytes_ < hello_body_bytes_min)) {
                return fail(errc::handshake_malformed);
            }
            buffer_.reserve(header_bytes + body_bytes_);
    }
    return HandshakeStatus::incomplete;
}

HandshakeStatus HandshakeReader::read_body(bool whole) {
    const auto body = std::span<const std::byte>{buffer_}.subspan(header_bytes);
    const auto kind = static_cast<Kind>(buffer_[kind_position]);
    auto status = DecodeStatus::malformed;
    switch (kind) {
        case Kind::dialling:
        case Kind::accepting: status = decode_hello(body, hello_); break;
        case Kind::refusal: status = decode_refusal(body, refusal_); break;
        case Kind::versions: status = decode_versions(body, refusal_); break;
    }
    if (status == DecodeStatus::malformed || (whole && status == DecodeStatus::incomplete)) {
        return fail(errc::handshake_malformed);
    }
    if (!whole) return HandshakeStatus::incomplete;
    const bool hello = kind == Kind::dialling || kind == Kind::accepting;
    return hello ? HandshakeStatus::hello : HandshakeStatus::refused;
}

HandshakeStatus HandshakeReader::fail(errc reason, std::string text) {
    refusal_.reason = reason;
    refusal_.text = std::move(text);
    return HandshakeStatus::failed;
}

}  // namespace braid::protocol
