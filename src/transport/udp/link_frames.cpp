#include "transport/udp/link_frames.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <cstring>

namespace braid::transport {

namespace {

enum class Type : std::uint8_t {
    padding = 0x00,
    ping = 0x01,
    ack = 0x02,
    ack_wide = 0x03,
    path_challenge = 0x11,
    path_response = 0x12,
};

bool take(std::span<const std::byte>& in, std::optional<PathData>& out) noexcept {
    if (out || in.size() < path_frame_bytes) return false;
    std::memcpy(out.emplace().data(), in.data() + 1, sizeof(PathData));
    in = in.subspan(path_frame_bytes);
    return true;
}

std::size_t encode(Type type, const PathData& data, std::byte* out) noexcept {
    out[0] = static_cast<std::byte>(type);
    std::memcpy(out + 1, data.data(), data.size());
    return path_frame_bytes;
}

}  // namespace

std::error_code decode_link_frames(std::span<const std::byte>& in, std::uint64_t sent_largest,
                                   LinkFrames& out) noexcept {
    while (!in.empty()) {
        switch (static_cast<Type>(in[0])) {
            case Type::padding: in = in.subspan(1); continue;
            case Type::ping: return {};
            case Type::ack:
            case Type::ack_wide:
                if (out.ack) return errc::frame_malformed;
                if (const auto error = decode_ack(in, sent_largest, out.ack.emplace())) {
                    return error;
                }
                continue;
            case Type::path_challenge:
                if (!take(in, out.challenge)) return errc::frame_malformed;
                continue;
            case Type::path_response:
                if (!take(in, out.response)) return errc::frame_malformed;
                continue;
        }
        return {};
    }
    return {};
}

std::size_t encode_ping(std::byte* out) noexcept {
    out[0] = static_cast<std::byte>(Type::ping);
    return 1;
}

std::size_t encode_path_challenge(const PathData& data, std::byte* out) noexcept {
    return encode(Type::path_challenge, data, out);
}

std::size_t encode_path_response(const PathData& data, std::byte* out) noexcept {
    return encode(Type::path_response, data, out);
}

}  // namespace braid::transport
