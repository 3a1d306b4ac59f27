#include "crypto/mac_cipher.hpp"

#include "catch.hpp"
#include "crypto/hex.hpp"

#include <limits>

using namespace braid::crypto;
using braid::protocol::HandshakeSide;

namespace {

using Session = std::array<std::uint8_t, 16>;

Session session(unsigned first) {
    Session bytes;
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
    return bytes;
}

struct Ends {
    PacketCiphers dialling = make_mac_ciphers(HandshakeSide::dialling, session(0), session(16));
    PacketCiphers accepting = make_mac_ciphers(HandshakeSide::accepting, session(0), session(16));
};

struct Packet {
    std::uint64_t number = 0x1234;
    std::vector<std::byte> header{std::byte{0x90}, std::byte{0x78}, std::byte{0x56},
                                  std::byte{0x34}, std::byte{0x12}};
    std::vector<std::byte> payload{std::byte{1}};
    std::vector<std::byte> tag = std::vector<std::byte>(MacCipher::tag_size);

    void seal(const PacketCiphers& ciphers) {
        ciphers.sealing->seal(number, header, payload, tag.data());
    }
    bool opens(const PacketCiphers& ciphers) {
        return ciphers.opening->open(number, header, payload, tag.data());
    }
};

}  // namespace

TEST_CASE("what one end seals the other opens and no one else") {
    Ends ends;
    Packet packet;
    packet.payload = counting(1200);
    const auto before = packet.payload;
    packet.seal(ends.dialling);
    CHECK(packet.payload == before);
    CHECK(packet.opens(ends.accepting));
    CHECK(packet.payload == before);
    // An echo is not from the peer.
    CHECK_FALSE(packet.opens(ends.dialling));
    CHECK_FALSE(packet.opens(make_mac_ciphers(HandshakeSide::accepting, session(0), session(17))));
    CHECK_FALSE(packet.opens(make_mac_ciphers(HandshakeSide::accepting, session(1), session(16))));
    CHECK_FALSE(packet.opens(make_mac_ciphers(HandshakeSide::accepting, session(16), session(0))));
    CHECK(ends.dialling.sealing->tag_bytes() == MacCipher::tag_size);
}

TEST_CASE("MAC tags are those of docs and stay so") {
    // Computed by other implementations of SipHash, XXH3 and BLAKE2b.
    Ends ends;
    Packet packet;
    packet.seal(ends.dialling);
    CHECK(to_hex(packet.tag) == "444daadf89878900");
    packet.payload.clear();
    packet.seal(ends.accepting);
    CHECK(to_hex(packet.tag) == "ab12c3e2d0d530bd");
    packet.payload = counting(1200);
    packet.seal(ends.dialling);
    CHECK(to_hex(packet.tag) == "e7eb1b8bc6d08b7f");
}

TEST_CASE("hostile 2: a packet that was changed anywhere does not open") {
    Ends ends;
    Packet packet;
    packet.payload = counting(65);
    packet.seal(ends.dialling);
    const auto no_bit_may_change = [&](std::vector<std::byte>& part) {
        for (std::size_t bit = 0; bit < 8 * part.size(); ++bit) {
            const auto mask = std::byte{1} << (bit % 8);
            part[bit / 8] ^= mask;
            CHECK_FALSE(packet.opens(ends.accepting));
            part[bit / 8] ^= mask;
        }
    };
    no_bit_may_change(packet.header);
    no_bit_may_change(packet.payload);
    no_bit_may_change(packet.tag);
    CHECK(packet.opens(ends.accepting));

    // Nor where one part ends and the next begins.
    packet.header.push_back(packet.payload.front());
    packet.payload.erase(packet.payload.begin());
    CHECK_FALSE(packet.opens(ends.accepting));
}

TEST_CASE("hostile 3: a packet under another number does not open") {
    Ends ends;
    Packet packet;
    packet.seal(ends.dialling);
    for (const auto number : {packet.number + 1, packet.number - 1, packet.number + (1u << 16),
                              packet.number + (std::uint64_t{1} << 63)}) {
        auto replayed = packet;
        replayed.number = number;
        CHECK_FALSE(replayed.opens(ends.accepting));
    }
    CHECK(packet.opens(ends.accepting));
}

TEST_CASE("hostile 4: the largest number with a wrong tag leaves the cipher as it was") {
    Ends ends;
    Packet good;
    good.seal(ends.dialling);
    Packet forged;
    for (const auto number :
         {(std::uint64_t{1} << 62) - 1, std::numeric_limits<std::uint64_t>::max()}) {
        forged.number = number;
        CHECK_FALSE(forged.opens(ends.accepting));
    }
    CHECK(good.opens(ends.accepting));
}
