#include "transport/udp/datagram_sender.hpp"

#include "catch.hpp"

#include <asio/error.hpp>
#include <asio/io_context.hpp>

#include <cerrno>
#include <cstddef>
#include <deque>
#include <span>
#include <vector>

using namespace braid;
using namespace braid::transport;

namespace {

using Bytes = std::vector<std::byte>;

std::error_code system_error(int code) { return {code, asio::error::get_system_category()}; }

/// A system that answers as it is told to, then takes everything.
struct FakeSystem {
    struct Taken {
        Bytes bytes;
        std::size_t segment_bytes;
    };

    static inline std::deque<std::error_code> answers;
    static inline std::vector<Taken> taken;
    static inline int calls = 0;

    static void reset() {
        answers.clear();
        taken.clear();
        calls = 0;
    }

    static std::error_code send(datagram_io::Socket&, const SocketAddress&, const SocketAddress&,
                                std::span<const std::byte> bytes,
                                std::size_t segment_bytes) noexcept {
        ++calls;
        if (!answers.empty()) {
            const auto answer = answers.front();
            answers.pop_front();
            if (answer) return answer;
        }
        taken.push_back({Bytes(bytes.begin(), bytes.end()), segment_bytes});
        return {};
    }

    static Bytes all() {
        Bytes result;
        for (const auto& each : taken) {
            result.insert(result.end(), each.bytes.begin(), each.bytes.end());
        }
        return result;
    }
};

struct Fixture {
    Fixture() { FakeSystem::reset(); }

    DatagramSender::Result send(const Bytes& bytes, std::size_t segment_bytes) {
        return sender.send(to, from, bytes, segment_bytes);
    }

    asio::io_context context;
    datagram_io::Socket socket{context};
    DatagramSender sender{socket, true, FakeSystem::send};
    SocketAddress to;
    SocketAddress from;
};

Bytes numbered(std::size_t size) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + (i >> 8));
    return bytes;
}

}  // namespace

TEST_CASE_METHOD(Fixture, "a batch of datagrams leaves in one call") {
    const auto bytes = numbered(10 * 1'200 + 5);
    const auto result = send(bytes, 1'200);
    CHECK(result.bytes == bytes.size());
    CHECK_FALSE(result.error);
    REQUIRE(FakeSystem::calls == 1);
    CHECK(FakeSystem::taken[0].segment_bytes == 1'200);
    CHECK(FakeSystem::all() == bytes);
}

TEST_CASE_METHOD(Fixture, "no call sends more than a system takes at once") {
    SECTION("in datagrams") {
        const auto bytes = numbered(150 * 100);
        CHECK(send(bytes, 100).bytes == bytes.size());
        REQUIRE(FakeSystem::calls == 3);
        CHECK(FakeSystem::taken[0].bytes.size() == 64 * 100);
        CHECK(FakeSystem::all() == bytes);
    }
    SECTION("in bytes") {
        const auto bytes = numbered(60 * 1'400);
        CHECK(send(bytes, 1'400).bytes == bytes.size());
        REQUIRE(FakeSystem::calls == 2);
        CHECK(FakeSystem::taken[0].bytes.size() == 46 * 1'400);
        CHECK(FakeSystem::all() == bytes);
    }
}

TEST_CASE_METHOD(Fixture, "a batch that the system fails to split leaves at once as single ones") {
    const auto error = GENERATE(EIO, EINVAL);
    FakeSystem::answers = {system_error(error)};
    const auto bytes = numbered(4 * 1'000 + 300);
    const auto result = send(bytes, 1'000);
    CHECK(result.bytes == bytes.size());
    CHECK_FALSE(result.error);
    CHECK_FALSE(result.lost);
    CHECK(FakeSystem::calls == 1 + 5);
    REQUIRE(FakeSystem::taken.size() == 5);
    for (const auto& each : FakeSystem::taken) CHECK(each.bytes.size() <= 1'000);
    CHECK(FakeSystem::all() == bytes);
    CHECK_FALSE(sender.splits());

    FakeSystem::reset();
    send(bytes, 1'000);
    CHECK(FakeSystem::calls == 5);
}

TEST_CASE_METHOD(Fixture, "single datagrams that fill the system leave the rest for later") {
    FakeSystem::answers = {system_error(EIO), {}, {}, asio::error::would_block};
    const auto bytes = numbered(5 * 1'000);
    const auto result = send(bytes, 1'000);
    CHECK(result.error == asio::error::would_block);
    CHECK(result.bytes == 2'000);
    CHECK_FALSE(sender.splits());
}

TEST_CASE_METHOD(Fixture, "datagrams that are too long do not stop the splitting of others") {
    // Linux says EINVAL to a batch of which one datagram is longer than the interface carries.
    FakeSystem::answers = {system_error(EINVAL), asio::error::message_size};
    const auto result = send(numbered(3 * 9'000), 9'000);
    CHECK(result.error == asio::error::message_size);
    CHECK(result.bytes == 0);
    CHECK(sender.splits());
}

TEST_CASE_METHOD(Fixture, "what waits for room is not sent twice") {
    FakeSystem::answers = {{}, asio::error::would_block};
    const auto bytes = numbered(100 * 100);
    const auto result = send(bytes, 100);
    CHECK(result.error == asio::error::would_block);
    REQUIRE(result.bytes == 6'400);
    const auto rest = sender.send(to, from, std::span{bytes}.subspan(result.bytes), 100);
    CHECK(rest.bytes == 3'600);
    CHECK(FakeSystem::all() == bytes);
}

TEST_CASE_METHOD(Fixture, "a datagram that finds no way is as good as lost") {
    const auto error = GENERATE(ENETUNREACH, EHOSTUNREACH, ECONNREFUSED, EPERM, ENOBUFS);
    FakeSystem::answers = {system_error(error)};
    const auto result = send(numbered(3'000), 1'000);
    CHECK(result.bytes == 3'000);
    CHECK_FALSE(result.error);
    CHECK(result.lost == system_error(error));
    CHECK(sender.splits());
}

TEST_CASE_METHOD(Fixture, "a closed socket ends the sending") {
    FakeSystem::answers = {asio::error::bad_descriptor};
    const auto result = send(numbered(3'000), 1'000);
    CHECK(result.bytes == 0);
    CHECK(result.error == asio::error::bad_descriptor);
}
