#include "protocol/sealed_message.hpp"

#include "catch.hpp"
#include "protocol/inbound.hpp"
#include "sim/random.hpp"

#include <algorithm>
#include <thread>
#include <vector>

using namespace braid::protocol;
using braid::Message;
using braid::Promises;
using braid::detail::MessageBuffer;

namespace {

using Bytes = std::vector<std::byte>;

constexpr Promises both = Promises::compressed | Promises::consistency;
constexpr Sealing plain{false, false};
constexpr Sealing checksummed{false, true};
constexpr Sealing compressed{true, false};
constexpr Sealing all{true, true};

Message compressible(std::size_t size) { return Message{Bytes(size, std::byte{7})}.part(0, size); }

Message incompressible(std::size_t size) { return Message{sim::Random{size}.bytes(size)}; }

/// A copy, in memory that has room for an envelope.
Message roomy(const Message& message) { return Message{message.bytes()}; }

bool opens_to(std::span<const std::byte> sealed, const Message& message, Promises promises) {
    MessageBuffer buffer{message.size()};
    const auto opened = open(sealed, promises, message.size(), buffer);
    return !opened.failure && std::ranges::equal(opened.bytes, message.bytes());
}

}  // namespace

TEST_CASE("A sealed message is found again by every stream that seals so") {
    for (const auto size : {1u, 200u, 255u, 256u, 1'400u, 16'384u, 100'000u}) {
        for (const auto& raw : {compressible(size), incompressible(size)}) {
            CAPTURE(size);
            for (const auto promises : {Promises::consistency, Promises::compressed, both}) {
                const Sealing wanted{covers(promises, Promises::compressed),
                                     covers(promises, Promises::consistency)};
                const auto message = raw.sealed(promises | Promises::ordered);
                CHECK(std::ranges::equal(message.bytes(), raw.bytes()));
                const auto sealed = SealedMessage::find(message, promises, wanted);
                REQUIRE(!sealed.empty());
                CHECK(opens_to(sealed, raw, promises));
                CHECK(SealedMessage::find(message, promises, wanted).data() == sealed.data());
                CHECK(message.sealed(promises).bytes().data() == message.bytes().data());
                const auto shared = SealedMessage::share(message, sealed);
                CHECK(shared.bytes().data() == sealed.data());
                CHECK(shared.size() == sealed.size());

                Bytes expected(sealed_bytes_max(size));
                expected.resize(seal(raw.bytes(), wanted, expected));
                CHECK(std::ranges::equal(sealed, expected));
            }
        }
    }
}

TEST_CASE("A message is only found as the stream may have it") {
    const auto raw = roomy(compressible(1'000));
    CHECK(SealedMessage::find(raw, both, all).empty());
    CHECK(SealedMessage::find(raw, Promises::compressed, compressed).empty());

    const auto with_checksum = raw.sealed(both);
    CHECK_FALSE(SealedMessage::find(with_checksum, both, all).empty());
    // Where the channel makes checksums needless a stream that promises consistency may have one.
    CHECK_FALSE(SealedMessage::find(with_checksum, both, compressed).empty());
    CHECK(SealedMessage::find(with_checksum, Promises::compressed, compressed).empty());
    CHECK_FALSE(SealedMessage::find(with_checksum, Promises::consistency, checksummed).empty());

    const auto without = raw.sealed(Promises::compressed);
    CHECK_FALSE(SealedMessage::find(without, Promises::compressed, compressed).empty());
    CHECK(SealedMessage::find(without, both, all).empty());
    CHECK_FALSE(SealedMessage::find(without, both, compressed).empty());

    const auto small = roomy(compressible(100));
    CHECK(SealedMessage::find(small, Promises::compressed, compressed).size() == 101);
    CHECK(SealedMessage::find(small, Promises::consistency, checksummed).empty());
    CHECK(SealedMessage::find(small, Promises::consistency, plain).size() == 101);
}

TEST_CASE("Parts and messages in foreign memory have no room for an envelope") {
    const Message foreign{Bytes(1'000)};
    CHECK(SealedMessage::find(foreign, Promises::consistency, checksummed).empty());
    CHECK(SealedMessage::find(Message{}, Promises::consistency, checksummed).empty());
    const auto raw = roomy(compressible(1'000));
    CHECK(SealedMessage::find(raw.part(1, 999), Promises::consistency, checksummed).empty());
    CHECK(SealedMessage::find(raw.part(0, 999), Promises::consistency, checksummed).empty());
    CHECK(Message{}.sealed(both).empty());
    const auto sealed = foreign.sealed(both);
    CHECK_FALSE(SealedMessage::find(sealed, both, all).empty());
    CHECK(SealedMessage::find(sealed.part(0, 10), both, all).empty());
}

TEST_CASE("A large message that was received has its envelope still") {
    const auto raw = incompressible(100'000);
    for (const auto promises : {Promises::reliable, Promises::ordered, both}) {
        CAPTURE(static_cast<int>(promises));
        const Sealing wanted{covers(promises, Promises::compressed),
                             covers(promises, Promises::consistency)};
        Inbound inbound{{promises, 1u << 20, 1u << 20, 1u << 20}};
        ReceiveCredit credit{1u << 20, 1u << 20};
        Bytes sealed(raw.bytes().begin(), raw.bytes().end());
        if (has_envelope(promises)) {
            sealed.resize(sealed_bytes_max(raw.size()));
            sealed.resize(seal(raw.bytes(), wanted, sealed));
        }
        for (std::size_t offset = 0; offset < sealed.size(); offset += 10'000) {
            Frame frame;
            frame.type = FrameType::message;
            frame.fragment = frame.has_total = true;
            frame.offset = offset;
            frame.total = sealed.size();
            frame.payload = std::span{sealed}.subspan(
                offset, std::min<std::size_t>(10'000, sealed.size() - offset));
            REQUIRE_FALSE(inbound.receive(frame, 0, false, credit, Time{}));
        }
        MessageQueue::Front front;
        REQUIRE(inbound.delivered.front(front));
        REQUIRE(front.large != nullptr);
        REQUIRE(std::ranges::equal(front.bytes, raw.bytes()));
        const auto again = SealedMessage::find(*front.large, Promises::consistency, checksummed);
        REQUIRE(again.size() == raw.size() + 5);
        CHECK(again.data() + 5 == front.large->bytes().data());
        CHECK(opens_to(again, raw, Promises::consistency));
    }
}

TEST_CASE("Whoever shares the memory of what is opened keeps what it knows of it") {
    const auto raw = roomy(incompressible(1'000));
    const auto sealed = SealedMessage::find(raw, Promises::consistency, checksummed);
    const auto opened =
        SealedMessage::open(SealedMessage::share(raw, sealed), sealed.subspan(5), true);
    CHECK(opened.bytes().data() == raw.bytes().data());
    CHECK(opened.size() == raw.size());
    CHECK(SealedMessage::find(raw, Promises::consistency, checksummed).data() == sealed.data());
    CHECK(SealedMessage::find(opened, Promises::consistency, checksummed).data() == sealed.data());
}

TEST_CASE("One message is sealed by many threads and never half") {
    for (std::size_t round = 0; round < 200; ++round) {
        const auto raw = roomy(incompressible(1'000 + round));
        std::vector<std::thread> threads;
        std::vector<int> right(4);
        for (auto& count : right) {
            threads.emplace_back([message = raw, &count] {
                for (int i = 0; i < 3; ++i) {
                    const auto sealed =
                        SealedMessage::find(message, Promises::consistency, checksummed);
                    const auto mine =
                        sealed.empty() ? message.sealed(Promises::consistency) : message;
                    const auto found =
                        SealedMessage::find(mine, Promises::consistency, checksummed);
                    if (opens_to(found, message, Promises::consistency)) ++count;
                }
            });
        }
        for (auto& thread : threads) thread.join();
        CHECK(right == std::vector(4, 3));
    }
}
