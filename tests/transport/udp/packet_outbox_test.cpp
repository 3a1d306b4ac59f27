#include "transport/udp/packet_outbox.hpp"

#include "catch.hpp"

#include <cstring>

namespace {

using braid::transport::PacketOutbox;
using braid::transport::SocketAddress;

SocketAddress address(std::uint16_t port) {
    SocketAddress result;
    result.port = port;
    return result;
}

void put(PacketOutbox& outbox, const SocketAddress& to, std::size_t bytes, int fill = 0) {
    const auto room = outbox.room(bytes);
    REQUIRE(room.size() == bytes);
    std::memset(room.data(), fill, bytes);
    outbox.commit(to, bytes);
}

}  // namespace

TEST_CASE("packet outbox: packets of one size leave as one batch") {
    PacketOutbox outbox;
    CHECK(outbox.empty());
    CHECK_FALSE(outbox.front());
    for (int i = 0; i < 3; ++i) put(outbox, address(1), 1200, i);
    put(outbox, address(1), 700, 3);
    const auto batch = outbox.front();
    REQUIRE(batch);
    CHECK(batch->bytes.size() == 3 * 1200 + 700);
    CHECK(batch->segment_bytes == 1200);
    CHECK(batch->to == address(1));
    CHECK(batch->bytes[1200] == std::byte{1});
    CHECK(batch->bytes[3600] == std::byte{3});
    outbox.pop(batch->bytes.size());
    CHECK(outbox.empty());
}

TEST_CASE("packet outbox: a longer packet or one behind a shorter begins another batch") {
    PacketOutbox outbox;
    put(outbox, address(1), 500);
    put(outbox, address(1), 600);
    put(outbox, address(1), 100);
    put(outbox, address(1), 100);
    CHECK(outbox.front()->bytes.size() == 500);
    outbox.pop(500);
    CHECK(outbox.front()->bytes.size() == 700);
    CHECK(outbox.front()->segment_bytes == 600);
    outbox.pop(700);
    CHECK(outbox.front()->bytes.size() == 100);
}

TEST_CASE("packet outbox: a batch has one address") {
    PacketOutbox outbox;
    put(outbox, address(1), 500);
    put(outbox, address(2), 500);
    CHECK(outbox.front()->bytes.size() == 500);
    outbox.pop(500);
    CHECK(outbox.front()->to == address(2));
}

TEST_CASE("packet outbox: what the system took of a batch is gone and the rest stays") {
    PacketOutbox outbox;
    for (int i = 0; i < 4; ++i) put(outbox, address(1), 1000, i);
    outbox.pop(2000);
    const auto batch = outbox.front();
    REQUIRE(batch);
    CHECK(batch->bytes.size() == 2000);
    CHECK(batch->bytes[0] == std::byte{2});
}

TEST_CASE("packet outbox: it is bounded and no batch is longer than the system takes") {
    PacketOutbox outbox;
    std::size_t packets = 0;
    while (!outbox.full(600)) {
        put(outbox, address(1), 600);
        ++packets;
    }
    CHECK(packets == 109);
    CHECK(outbox.room(600).empty());
    CHECK(outbox.front()->bytes.size() == PacketOutbox::batch_packets_max * 600);
    while (!outbox.empty()) outbox.pop(outbox.front()->bytes.size());
    CHECK_FALSE(outbox.full(600));
}

TEST_CASE("packet outbox: room that came to nothing is given back") {
    PacketOutbox outbox;
    CHECK(outbox.room(1200).size() == 1200);
    outbox.commit(address(1), 0);
    CHECK(outbox.empty());
    put(outbox, address(1), 300);
    CHECK(outbox.room(1200).size() == 1200);
    outbox.commit(address(1), 0);
    CHECK(outbox.front()->bytes.size() == 300);
}
