#include "transport/udp/link_frames.hpp"

#include "catch.hpp"

#include <braid/error.hpp>

#include <vector>

namespace {

using braid::errc;
using namespace braid::transport;

std::vector<std::byte> bytes(std::initializer_list<int> values) {
    std::vector<std::byte> result;
    for (const int value : values) result.push_back(static_cast<std::byte>(value));
    return result;
}

}  // namespace

TEST_CASE("link frames: path frames are what was written") {
    const PathData data{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                        std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
    std::vector<std::byte> packet(2 * path_frame_bytes);
    CHECK(encode_path_challenge(data, packet.data()) == path_frame_bytes);
    CHECK(encode_path_response(data, packet.data() + path_frame_bytes) == path_frame_bytes);
    std::span<const std::byte> in{packet};
    LinkFrames frames;
    REQUIRE_FALSE(decode_link_frames(in, 0, frames));
    CHECK(in.empty());
    CHECK(frames.challenge == data);
    CHECK(frames.response == data);
    CHECK(frames.eliciting());
}

TEST_CASE("link frames: what is the mux's begins with the first other frame") {
    const auto packet = bytes({0, 0, 0, 1, 0, 0x90, 1, 2});
    std::span<const std::byte> in{packet};
    LinkFrames frames;
    REQUIRE_FALSE(decode_link_frames(in, 0, frames));
    CHECK(in.size() == 5);
    CHECK(in[0] == std::byte{1});
    CHECK_FALSE(frames.eliciting());
}

TEST_CASE("link frames: a frame cut short is malformed") {
    const auto whole = bytes({0x11, 1, 2, 3, 4, 5, 6, 7, 8});
    for (std::size_t size = 1; size < whole.size(); ++size) {
        std::span<const std::byte> in{whole.data(), size};
        LinkFrames frames;
        CHECK(decode_link_frames(in, 0, frames) == errc::frame_malformed);
    }
}

TEST_CASE("link frames: each kind comes once at most") {
    auto packet = bytes({0x12, 1, 2, 3, 4, 5, 6, 7, 8});
    packet.insert(packet.end(), packet.begin(), packet.begin() + path_frame_bytes);
    std::span<const std::byte> in{packet};
    LinkFrames frames;
    CHECK(decode_link_frames(in, 0, frames) == errc::frame_malformed);
    packet = bytes({0x02, 5, 0, 0, 0, 0, 0x02, 5, 0, 0, 0, 0});
    in = packet;
    LinkFrames others;
    CHECK(decode_link_frames(in, 9, others) == errc::frame_malformed);
}
