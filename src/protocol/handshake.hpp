#pragma once

#include <braid/error.hpp>
#include <braid/pid.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace braid::protocol {

/// What the two ends must agree on before they talk. Same major number: they understand each other.
struct WireVersion {
    std::uint8_t major = 1;
    std::uint8_t minor = 0;
    bool operator==(const WireVersion&) const = default;
};

/// What each end says of itself in its first words (docs/wire.md).
struct Hello {
    Pid pid;
    std::array<std::uint8_t, 16> session{};  ///< random, one for each connection
    std::string application_name;            ///< at most 64 bytes; must be the same on both ends
    std::string application_version;         ///< at most 64 bytes; likewise
    std::uint64_t stream_credit = 0;         ///< bytes that the peer may send on a stream at first
    std::uint64_t participant_credit = 0;    ///< and over all streams
    std::uint64_t streams = 0;               ///< streams that the peer may open at first
    std::uint64_t message_bytes_max = 0;     ///< longest message that this end takes
    std::uint64_t idle_ms = 0;               ///< silence after which this end gives up; not 0

    bool operator==(const Hello&) const = default;
};

/// Why the accepting side will not talk.
struct Refusal {
    errc reason = errc::handshake_malformed;
    std::string text;  ///< for people: e.g. the application that runs here; at most 256 bytes
    Pid pid;           ///< of the accepting side, if the reason is already_connected

    bool operator==(const Refusal&) const = default;
};

inline constexpr std::size_t handshake_bytes_max = 4096;
inline constexpr std::size_t application_text_bytes_max = 64;
inline constexpr std::size_t refusal_text_bytes_max = 256;

/// No number in a hello is larger, so that sums and nanoseconds of them fit 64 bits.
inline constexpr std::uint64_t hello_number_max = std::uint64_t{1} << 40;

/// Who speaks. The two say different first words, so that an echo is not taken for an answer.
enum class HandshakeSide : std::uint8_t { dialling, accepting };

/// True if `text` can be sent as an application's name or version: short, no control characters.
bool application_text_valid(std::string_view text) noexcept;

/// Why these two shall not talk: their applications differ, and the text names both.
std::optional<Refusal> check_application(const Hello& dialling, const Hello& accepting);

// The bytes of each answer; HandshakeReader is their inverse. What is longer than it may be is cut.
std::vector<std::byte> encode_hello(const Hello& hello, HandshakeSide side,
                                    WireVersion version = {});
std::vector<std::byte> encode_refusal(const Refusal& refusal, WireVersion version = {});
/// Says which versions are spoken here, to a peer whose major number is none of them.
std::vector<std::byte> encode_versions(std::span<const WireVersion> versions);

enum class HandshakeStatus : std::uint8_t {
    incomplete,  ///< more bytes are needed
    hello,       ///< hello() holds what the peer said
    refused,     ///< the peer will not talk; refusal() says why
    failed,      ///< this is no handshake that we can accept; refusal() says why
};

/// Reads the peer's first words, in whatever pieces they come, and not one byte further. Fails at
/// the first byte that cannot be right, and holds at most handshake_bytes_max.
class HandshakeReader {
public:
    /// @param peer the side whose words are read
    explicit HandshakeReader(HandshakeSide peer) noexcept : peer_{peer} {}

    /// Moves `in` past the bytes that belong to the handshake. Takes nothing once it has ended.
    HandshakeStatus read(std::span<const std::byte>& in);

    /// True once anything was read.
    bool started() const noexcept { return !buffer_.empty(); }

    const Hello& hello() const noexcept { return hello_; }
    WireVersion version() const noexcept { return version_; }  ///< the peer's
    const Refusal& refusal() const noexcept { return refusal_; }

private:
    HandshakeStatus read_header_byte(std::byte byte);
    HandshakeStatus read_body(bool whole);
    HandshakeStatus fail(errc reason, std::string text = {});

    HandshakeSide peer_;
    HandshakeStatus status_ = HandshakeStatus::incomplete;
    std::vector<std::byte> buffer_;
    std::size_t body_bytes_ = 0;
    WireVersion version_;
    Hello hello_;
    Refusal refusal_;
};

}  // namespace braid::protocol
