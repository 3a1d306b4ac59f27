#include "protocol/handshake.hpp"

#include "protocol/prefix_varint.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

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

// pid, session, five numbers and two texts of at least a byte each
constexpr std::size_t hello_bytes_min = 16 + 16 + 5 + 2;

enum class Kind : std::uint8_t { dialling = 1, accepting = 2, refusal = 3, versions = 4 };

constexpr std::uint8_t security_plain = 0;

/// What a refusal's reason is called on the wire; a number is never given a second meaning. What
/// has none travels as 0.
struct WireReason {
    std::uint16_t wire;
    errc reason;
};
constexpr std::uint16_t reason_other = 0;
constexpr WireReason wire_reasons[] = {
    {1, errc::handshake_malformed},   {2, errc::handshake_version},
    {3, errc::handshake_application}, {4, errc::handshake_security},
    {5, errc::handshake_timeout},     {6, errc::self_connect},
    {7, errc::already_connected},     {8, errc::too_many_participants},
    {9, errc::network_closed},
};

std::uint16_t wire_of(errc reason) noexcept {
    for (const auto& known : wire_reasons) {
        if (known.reason == reason) return known.wire;
    }
    return reason_other;
}

errc reason_of(std::uint16_t wire) noexcept {
    for (const auto& known : wire_reasons) {
        if (known.wire == wire) return known.reason;
    }
    return errc::participant_disconnected;
}

bool control_character(char letter) noexcept {
    const auto code = static_cast<unsigned char>(letter);
    return code < 0x20 || code == 0x7f;
}

/// Refusals are shown to people and written to logs, where a peer's line breaks and escape
/// sequences have no business.
std::string printable(std::string_view text) {
    std::string result{text.substr(0, refusal_text_bytes_max)};
    std::replace_if(result.begin(), result.end(), control_character, '?');
    return result;
}

std::string to_string(WireVersion version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

class Writer {
public:
    Writer(Kind kind, WireVersion version) {
        for (const char letter : magic) byte(static_cast<std::uint8_t>(letter));
        byte(static_cast<std::uint8_t>(kind));
        byte(version.major);
        byte(version.minor);
        byte(security_plain);
        fixed16(0);
    }

    void byte(std::uint8_t value) { bytes_.push_back(static_cast<std::byte>(value)); }

    void fixed16(std::size_t value) {
        byte(static_cast<std::uint8_t>(value));
        byte(static_cast<std::uint8_t>(value >> 8));
    }

    void number(std::uint64_t value) {
        std::byte encoded[prefix_varint_bytes_max];
        const auto size = encode_prefix_varint(std::min(value, hello_number_max), encoded);
        bytes_.insert(bytes_.end(), encoded, encoded + size);
    }

    void raw(std::span<const std::uint8_t> values) {
        for (const auto value : values) byte(value);
    }

    void text(std::string_view value, std::size_t bytes_max) {
        value = value.substr(0, bytes_max);
        number(value.size());
        for (const char letter : value) byte(static_cast<std::uint8_t>(letter));
    }

    std::vector<std::byte> finish() && {
        const auto body = bytes_.size() - header_bytes;
        bytes_[length_position] = static_cast<std::byte>(body);
        bytes_[length_position + 1] = static_cast<std::byte>(body >> 8);
        return std::move(bytes_);
    }

private:
    std::vector<std::byte> bytes_;
};

/// Reads fields from the front of a body, of which the end may still be missing. After the first
/// field that is not complete, status() tells why and the others do nothing.
class Reader {
public:
    explicit Reader(std::span<const std::byte> in) noexcept : in_{in} {}

    DecodeStatus status() const noexcept { return status_; }
    void malformed() noexcept { status_ = DecodeStatus::malformed; }

    std::span<const std::byte> raw(std::size_t bytes) noexcept {
        if (status_ != DecodeStatus::complete) return {};
        if (in_.size() < bytes) {
            status_ = DecodeStatus::incomplete;
            return {};
        }
        const auto result = in_.first(bytes);
        in_ = in_.subspan(bytes);
        return result;
    }

    std::uint64_t fixed(std::size_t bytes) noexcept {
        const auto encoded = raw(bytes);
        std::uint64_t result = 0;
        for (std::size_t i = encoded.size(); i-- > 0;) {
            result = result << 8 | std::to_integer<unsigned>(encoded[i]);
        }
        return result;
    }

    std::uint64_t number(std::uint64_t value_max = hello_number_max) noexcept {
        std::uint64_t result = 0;
        if (status_ == DecodeStatus::complete) status_ = decode_prefix_varint(in_, result);
        if (status_ == DecodeStatus::complete && result > value_max) malformed();
        return result;
    }

    std::string_view text(std::size_t bytes_max) noexcept {
        const auto length = number(bytes_max);
        const auto bytes = raw(static_cast<std::size_t>(length));
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

private:
    std::span<const std::byte> in_;
    DecodeStatus status_ = DecodeStatus::complete;
};

void copy(Reader& in, std::span<std::uint8_t> field) noexcept {
    const auto bytes = in.raw(field.size());
    if (!bytes.empty()) std::memcpy(field.data(), bytes.data(), bytes.size());
}

std::string application_text(Reader& in) {
    const auto text = in.text(application_text_bytes_max);
    if (!application_text_valid(text)) in.malformed();
    return std::string{text};
}

/// What a later minor version appends is not looked at.
DecodeStatus decode_hello(std::span<const std::byte> body, Hello& hello) {
    Reader in{body};
    copy(in, hello.pid.bytes);
    copy(in, hello.session);
    hello.application_name = application_text(in);
    hello.application_version = application_text(in);
    hello.stream_credit = in.number();
    hello.participant_credit = in.number();
    hello.streams = in.number();
    hello.message_bytes_max = in.number();
    hello.idle_ms = in.number();
    if (in.status() == DecodeStatus::complete && hello.idle_ms == 0) in.malformed();
    return in.status();
}

DecodeStatus decode_refusal(std::span<const std::byte> body, Refusal& refusal) {
    Reader in{body};
    const auto wire = static_cast<std::uint16_t>(in.fixed(2));
    const auto text = in.text(refusal_text_bytes_max);
    const auto reason = reason_of(wire);
    if (reason == errc::already_connected) copy(in, refusal.pid.bytes);
    if (in.status() != DecodeStatus::complete) return in.status();
    refusal.reason = reason;
    refusal.text = printable(text);
    return DecodeStatus::complete;
}

DecodeStatus decode_versions(std::span<const std::byte> body, Refusal& refusal) {
    Reader in{body};
    std::string spoken;
    const auto count = in.fixed(1);
    for (std::uint64_t i = 0; i < count && in.status() == DecodeStatus::complete; ++i) {
        WireVersion version;
        version.major = static_cast<std::uint8_t>(in.fixed(1));
        version.minor = static_cast<std::uint8_t>(in.fixed(1));
        spoken += (i == 0 ? " " : ", ") + to_string(version);
    }
    if (in.status() != DecodeStatus::complete) return in.status();
    refusal.reason = errc::handshake_version;
    refusal.text = printable("this end speaks wire version " + to_string(WireVersion{}) +
                             ", the peer" + (spoken.empty() ? " none that it names" : spoken));
    return DecodeStatus::complete;
}

std::string quoted(const Hello& hello) {
    return '"' + hello.application_name + "\" version \"" + hello.application_version + '"';
}

}  // namespace

bool application_text_valid(std::string_view text) noexcept {
    return text.size() <= application_text_bytes_max &&
           std::none_of(text.begin(), text.end(), control_character);
}

std::optional<Refusal> check_application(const Hello& dialling, const Hello& accepting) {
    if (dialling.application_name == accepting.application_name &&
        dialling.application_version == accepting.application_version) {
        return std::nullopt;
    }
    Refusal refusal;
    refusal.reason = errc::handshake_application;
    refusal.text =
        "the dialling side runs " + quoted(dialling) + ", the accepting side " + quoted(accepting);
    refusal.text = printable(refusal.text);
    return refusal;
}

std::vector<std::byte> encode_hello(const Hello& hello, HandshakeSide side, WireVersion version) {
    Writer out{side == HandshakeSide::dialling ? Kind::dialling : Kind::accepting, version};
    out.raw(hello.pid.bytes);
    out.raw(hello.session);
    out.text(hello.application_name, application_text_bytes_max);
    out.text(hello.application_version, application_text_bytes_max);
    out.number(hello.stream_credit);
    out.number(hello.participant_credit);
    out.number(hello.streams);
    out.number(hello.message_bytes_max);
    out.number(hello.idle_ms);
    return std::move(out).finish();
}

std::vector<std::byte> encode_refusal(const Refusal& refusal, WireVersion version) {
    Writer out{Kind::refusal, version};
    out.fixed16(wire_of(refusal.reason));
    out.text(printable(refusal.text), refusal_text_bytes_max);
    if (refusal.reason == errc::already_connected) out.raw(refusal.pid.bytes);
    return std::move(out).finish();
}

std::vector<std::byte> encode_versions(std::span<const WireVersion> versions) {
    versions = versions.first(std::min<std::size_t>(versions.size(), 255));
    Writer out{Kind::versions, versions.empty() ? WireVersion{} : versions.front()};
    out.byte(static_cast<std::uint8_t>(versions.size()));
    for (const auto version : versions) {
        out.byte(version.major);
        out.byte(version.minor);
    }
    return std::move(out).finish();
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
            if (body_bytes_ > body_bytes_max || (hello && body_bytes_ < hello_bytes_min)) {
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
