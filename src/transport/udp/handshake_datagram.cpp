#include "transport/udp/handshake_datagram.hpp"

#include "protocol/handshake_body.hpp"
#include "protocol/handshake_fields.hpp"

#include <algorithm>
#include <string_view>

namespace braid::transport {

namespace {

using protocol::DecodeStatus;
using Reader = protocol::HandshakeFieldReader;
using Writer = protocol::HandshakeFieldWriter;

constexpr std::string_view magic = "br";

void append_head(Writer& out, HandshakeKind kind, AttemptId attempt,
                 protocol::WireVersion version) {
    out.byte(static_cast<std::uint8_t>(kind));
    out.raw(std::as_bytes(std::span{magic}));
    out.byte(version.major);
    out.byte(version.minor);
    out.fixed(attempt, sizeof attempt);
}

void append_terms(Writer& out, const UdpTerms& terms) {
    out.byte(terms.connection_id ? sizeof(ConnectionId) : 0);
    if (terms.connection_id) out.fixed(*terms.connection_id, sizeof(ConnectionId));
    out.number(terms.datagram_bytes_max);
    const auto delay = std::chrono::floor<std::chrono::microseconds>(terms.ack_delay_max);
    out.number(static_cast<std::uint64_t>(delay.count()));
    out.byte(terms.reset_token ? static_cast<std::uint8_t>(terms.reset_token->size()) : 0);
    if (terms.reset_token) out.raw(*terms.reset_token);
}

void append_message(std::vector<std::byte>& bytes, const PlainMessage& message) {
    std::vector<std::byte> hello;
    protocol::append_hello(hello, message.hello);
    std::vector<std::byte> terms;
    Writer writer{terms};
    append_terms(writer, message.terms);
    Writer out{bytes};
    out.fixed(2 + hello.size() + terms.size(), 2);
    out.fixed(hello.size(), 2);
    out.raw(hello);
    out.raw(terms);
}

bool decode_terms(Reader& in, UdpTerms& terms) {
    const auto id_bytes = in.fixed(1);
    if (id_bytes != 0 && id_bytes != sizeof(ConnectionId)) in.malformed();
    if (id_bytes != 0) terms.connection_id = static_cast<ConnectionId>(in.fixed(id_bytes));
    const auto datagram_bytes = in.number();
    if (datagram_bytes < packet_bytes_base) in.malformed();
    terms.datagram_bytes_max =
        static_cast<std::size_t>(std::min<std::uint64_t>(datagram_bytes, packet_bytes_max));
    using std::chrono::microseconds;
    constexpr auto delay_limit = std::chrono::floor<microseconds>(UdpTerms::ack_delay_limit);
    terms.ack_delay_max = microseconds{in.number(static_cast<std::uint64_t>(delay_limit.count()))};
    const auto token_bytes = in.fixed(1);
    if (token_bytes != 0 && token_bytes != sizeof(ResetToken)) in.malformed();
    if (token_bytes != 0) in.copy(terms.reset_token.emplace());
    return in.status() == DecodeStatus::complete;
}

std::optional<std::span<const std::byte>> message_of(Reader& in) noexcept {
    const auto bytes = in.fixed(2);
    const auto message = in.raw(static_cast<std::size_t>(bytes));
    if (in.status() != DecodeStatus::complete) return std::nullopt;
    return message;
}

}  // namespace

std::optional<HandshakeHead> HandshakeHead::decode(std::span<const std::byte> datagram) noexcept {
    constexpr std::size_t bytes = 5 + sizeof(AttemptId);
    if (datagram.size() < bytes) return std::nullopt;
    Reader in{datagram.first(bytes)};
    HandshakeHead head;
    head.kind = static_cast<HandshakeKind>(in.fixed(1));
    if (head.kind < HandshakeKind::initial || head.kind > HandshakeKind::cancel) {
        return std::nullopt;
    }
    const auto name = in.raw(magic.size());
    if (head.kind == HandshakeKind::reset ||
        !std::ranges::equal(name, std::as_bytes(std::span{magic}))) {
        return std::nullopt;
    }
    head.version.major = static_cast<std::uint8_t>(in.fixed(1));
    head.version.minor = static_cast<std::uint8_t>(in.fixed(1));
    head.attempt = in.fixed(sizeof head.attempt);
    head.body = datagram.subspan(bytes);
    return head;
}

std::optional<InitialBody> InitialBody::decode(std::span<const std::byte> body) noexcept {
    Reader in{body};
    InitialBody initial;
    initial.pattern = static_cast<std::uint8_t>(in.fixed(1));
    const auto cookie_bytes = in.fixed(1);
    if (cookie_bytes != 0 && cookie_bytes != sizeof(crypto::Cookie)) return std::nullopt;
    if (cookie_bytes != 0) in.copy(initial.cookie.emplace());
    const auto message = message_of(in);
    if (!message) return std::nullopt;
    initial.message = *message;
    return initial;
}

std::optional<PlainMessage> PlainMessage::decode(std::span<const std::byte> message) {
    Reader in{message};
    const auto hello = message_of(in);
    if (!hello) return std::nullopt;
    PlainMessage result;
    if (protocol::decode_hello(*hello, result.hello) != DecodeStatus::complete) return std::nullopt;
    if (!decode_terms(in, result.terms)) return std::nullopt;
    return result;
}

std::optional<std::span<const std::byte>> decode_accept(std::span<const std::byte> body) noexcept {
    Reader in{body};
    return message_of(in);
}

std::optional<crypto::Cookie> decode_retry(std::span<const std::byte> body) noexcept {
    Reader in{body};
    crypto::Cookie cookie;
    in.copy(cookie);
    if (in.status() != DecodeStatus::complete) return std::nullopt;
    return cookie;
}

std::optional<protocol::Refusal> decode_refuse(std::span<const std::byte> body) {
    protocol::Refusal refusal;
    if (protocol::decode_refusal(body, refusal) != DecodeStatus::complete) return std::nullopt;
    return refusal;
}

std::optional<protocol::Refusal> decode_version(std::span<const std::byte> body) {
    protocol::Refusal refusal;
    if (protocol::decode_versions(body, refusal) != DecodeStatus::complete) return std::nullopt;
    return refusal;
}

std::optional<ResetToken> decode_reset(std::span<const std::byte> datagram) noexcept {
    Reader in{datagram};
    if (in.fixed(1) != static_cast<std::uint8_t>(HandshakeKind::reset)) return std::nullopt;
    ResetToken token;
    in.copy(token);
    if (in.status() != DecodeStatus::complete) return std::nullopt;
    return token;
}

std::vector<std::byte> encode_initial(AttemptId attempt,
                                      const std::optional<crypto::Cookie>& cookie,
                                      const PlainMessage& message, protocol::WireVersion version,
                                      SecurityPattern pattern) {
    std::vector<std::byte> bytes;
    bytes.reserve(initial_bytes_min);
    Writer out{bytes};
    append_head(out, HandshakeKind::initial, attempt, version);
    out.byte(static_cast<std::uint8_t>(pattern));
    out.byte(cookie ? static_cast<std::uint8_t>(cookie->size()) : 0);
    if (cookie) out.raw(*cookie);
    append_message(bytes, message);
    bytes.resize(std::max(bytes.size(), initial_bytes_min));
    return bytes;
}

std::vector<std::byte> encode_retry(AttemptId attempt, const crypto::Cookie& cookie) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    append_head(out, HandshakeKind::retry, attempt, {});
    out.raw(cookie);
    return bytes;
}

std::vector<std::byte> encode_cancel(AttemptId attempt) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    append_head(out, HandshakeKind::cancel, attempt, {});
    return bytes;
}

std::vector<std::byte> encode_accept(AttemptId attempt, const PlainMessage& message,
                                     protocol::WireVersion version) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    append_head(out, HandshakeKind::accept, attempt, version);
    append_message(bytes, message);
    return bytes;
}

std::vector<std::byte> encode_refuse(AttemptId attempt, const protocol::Refusal& refusal) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    append_head(out, HandshakeKind::refuse, attempt, {});
    protocol::append_refusal(bytes, refusal);
    return bytes;
}

std::vector<std::byte> encode_version(AttemptId attempt,
                                      std::span<const protocol::WireVersion> versions) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    append_head(out, HandshakeKind::version, attempt,
                versions.empty() ? protocol::WireVersion{} : versions.front());
    protocol::append_versions(bytes, versions);
    return bytes;
}

std::vector<std::byte> encode_reset(const ResetToken& token) {
    std::vector<std::byte> bytes;
    Writer out{bytes};
    out.byte(static_cast<std::uint8_t>(HandshakeKind::reset));
    out.raw(token);
    return bytes;
}

}  // namespace braid::transport
