#pragma once

#include "protocol/handshake.hpp"
#include "protocol/prefix_varint.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace braid::protocol {

/// Writes the fields of a handshake behind `out`; HandshakeFieldReader is its inverse.
class HandshakeFieldWriter {
public:
    explicit HandshakeFieldWriter(std::vector<std::byte>& out) noexcept : out_{out} {}

    void byte(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }

    /// Little-endian.
    void fixed(std::uint64_t value, std::size_t bytes) {
        for (; bytes > 0; --bytes, value >>= 8) byte(static_cast<std::uint8_t>(value & 0xff));
    }

    void number(std::uint64_t value) {
        std::byte encoded[prefix_varint_bytes_max];
        const auto size = encode_prefix_varint(std::min(value, hello_number_max), encoded);
        out_.insert(out_.end(), encoded, encoded + size);
    }

    void raw(std::span<const std::byte> bytes) {
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }

    void text(std::string_view value, std::size_t bytes_max) {
        value = value.substr(0, bytes_max);
        number(value.size());
        raw(std::as_bytes(std::span{value}));
    }

private:
    std::vector<std::byte>& out_;
};

/// Reads fields from the front of a body, of which the end may still be missing. After the first
/// field that is not complete, status() tells why and the others do nothing.
class HandshakeFieldReader {
public:
    explicit HandshakeFieldReader(std::span<const std::byte> in) noexcept : in_{in} {}

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

    /// Little-endian.
    std::uint64_t fixed(std::size_t bytes) noexcept {
        const auto encoded = raw(bytes);
        std::uint64_t result = 0;
        for (std::size_t i = encoded.size(); i-- > 0;) {
            result = result << 8 | std::to_integer<unsigned>(encoded[i]);
        }
        return result;
    }

    /// 0 if there is none, or one that is too large.
    std::uint64_t number(std::uint64_t value_max = hello_number_max) noexcept {
        std::uint64_t result = 0;
        if (status_ == DecodeStatus::complete) status_ = decode_prefix_varint(in_, result);
        if (status_ == DecodeStatus::complete && result > value_max) malformed();
        return status_ == DecodeStatus::complete ? result : 0;
    }

    std::string_view text(std::size_t bytes_max) noexcept {
        const auto length = number(bytes_max);
        const auto bytes = raw(static_cast<std::size_t>(length));
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    void copy(std::span<std::byte> field) noexcept {
        const auto bytes = raw(field.size());
        std::copy(bytes.begin(), bytes.end(), field.begin());
    }

private:
    std::span<const std::byte> in_;
    DecodeStatus status_ = DecodeStatus::complete;
};

}  // namespace braid::protocol
