#include "protocol/handshake_body.hpp"

#include "protocol/handshake_fields.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace braid::protocol {

namespace {

constexpr std::size_t versions_max = 255;

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

std::string application_text(HandshakeFieldReader& in) {
    const auto text = in.text(application_text_bytes_max);
    if (!application_text_valid(text)) in.malformed();
    return std::string{text};
}

}  // namespace

bool application_text_valid(std::string_view text) noexcept {
    return text.size() <= application_text_bytes_max &&
           std::none_of(text.begin(), text.end(), control_character);
}

std::string to_string(WireVersion version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::string printable_refusal(std::string_view text) {
    std::string result{text.substr(0, refusal_text_bytes_max)};
    std::replace_if(result.begin(), result.end(), control_character, '?');
    return result;
}

void append_hello(std::vector<std::byte>& bytes, const Hello& hello) {
    HandshakeFieldWriter out{bytes};
    out.raw(std::as_bytes(std::span{hello.pid.bytes}));
    out.raw(std::as_bytes(std::span{hello.session}));
    out.text(hello.application_name, application_text_bytes_max);
    out.text(hello.application_version, application_text_bytes_max);
    out.number(hello.stream_credit);
    out.number(hello.participant_credit);
    out.number(hello.streams);
    out.number(hello.message_bytes_max);
    out.number(hello.idle_ms);
}

DecodeStatus decode_hello(std::span<const std::byte> body, Hello& hello) {
    HandshakeFieldReader in{body};
    in.copy(std::as_writable_bytes(std::span{hello.pid.bytes}));
    in.copy(std::as_writable_bytes(std::span{hello.session}));
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

void append_refusal(std::vector<std::byte>& bytes, const Refusal& refusal) {
    HandshakeFieldWriter out{bytes};
    out.fixed(wire_of(refusal.reason), 2);
    out.text(printable_refusal(refusal.text), refusal_text_bytes_max);
    if (refusal.reason == errc::already_connected) {
        out.raw(std::as_bytes(std::span{refusal.pid.bytes}));
    }
}

DecodeStatus decode_refusal(std::span<const std::byte> body, Refusal& refusal) {
    HandshakeFieldReader in{body};
    const auto wire = static_cast<std::uint16_t>(in.fixed(2));
    const auto text = in.text(refusal_text_bytes_max);
    const auto reason = reason_of(wire);
    if (reason == errc::already_connected) {
        in.copy(std::as_writable_bytes(std::span{refusal.pid.bytes}));
    }
    if (in.status() != DecodeStatus::complete) return in.status();
    refusal.reason = reason;
    refusal.text = printable_refusal(text);
    return DecodeStatus::complete;
}

void append_versions(std::vector<std::byte>& bytes, std::span<const WireVersion> versions) {
    versions = versions.first(std::min(versions.size(), versions_max));
    HandshakeFieldWriter out{bytes};
    out.byte(static_cast<std::uint8_t>(versions.size()));
    for (const auto version : versions) {
        out.byte(version.major);
        out.byte(version.minor);
    }
}

DecodeStatus decode_versions(std::span<const std::byte> body, Refusal& refusal) {
    HandshakeFieldReader in{body};
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
    refusal.text =
        printable_refusal("this end speaks wire version " + to_string(WireVersion{}) +
                          ", the peer" + (spoken.empty() ? " none that it names" : spoken));
    return DecodeStatus::complete;
}

}  // namespace braid::protocol
