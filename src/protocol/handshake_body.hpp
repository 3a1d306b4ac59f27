#pragma once

#include "protocol/handshake.hpp"
#include "protocol/prefix_varint.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace braid::protocol {

// What each answer of a handshake says, whatever stands around it on a byte stream or in a datagram
// (docs/wire.md). What a later minor version appends is not looked at.

/// pid, session, five numbers and two texts of at least a byte each
inline constexpr std::size_t hello_body_bytes_min = 16 + 16 + 5 + 2;

void append_hello(std::vector<std::byte>& out, const Hello& hello);
DecodeStatus decode_hello(std::span<const std::byte> body, Hello& hello);

void append_refusal(std::vector<std::byte>& out, const Refusal& refusal);
DecodeStatus decode_refusal(std::span<const std::byte> body, Refusal& refusal);

/// As many as fit a byte.
void append_versions(std::vector<std::byte>& out, std::span<const WireVersion> versions);
/// @param refusal becomes one whose text names the versions
DecodeStatus decode_versions(std::span<const std::byte> body, Refusal& refusal);

/// "1.0"
std::string to_string(WireVersion version);

/// Refusals are shown to people and written to logs, where a peer's line breaks and escape
/// sequences have no business.
std::string printable_refusal(std::string_view text);

}  // namespace braid::protocol
