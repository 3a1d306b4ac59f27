#include "catch.hpp"

#include <braid/message.hpp>

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

using braid::Message;
using braid::detail::MessageBuffer;

namespace {

std::vector<std::byte> counted(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i);
    return bytes;
}

bool holds(const Message& message, std::span<const std::byte> bytes) {
    return std::ranges::equal(message.bytes(), bytes);
}

}  // namespace

TEST_CASE("a message takes a vector over without a copy") {
    auto bytes = counted(100);
    const auto* const data = bytes.data();
    const Message message{std::move(bytes)};
    CHECK(message.bytes().data() == data);
    CHECK(holds(message, counted(100)));
}

TEST_CASE("a message copies a span") {
    auto bytes = counted(100);
    const Message message{std::span<const std::byte>{bytes}};
    bytes[0] = std::byte{99};
    CHECK(holds(message, counted(100)));
}

TEST_CASE("copies of a message share its bytes and outlive it") {
    Message copy;
    {
        const Message message{counted(100)};
        copy = message;
        CHECK(copy.bytes().data() == message.bytes().data());
    }
    CHECK(holds(copy, counted(100)));

    const Message moved{std::move(copy)};
    CHECK(holds(moved, counted(100)));
    copy = moved;
    copy = *&copy;
    CHECK(holds(copy, counted(100)));
}

TEST_CASE("an empty message is a message") {
    for (const Message& message :
         {Message{}, Message{std::vector<std::byte>{}}, Message{std::span<const std::byte>{}}}) {
        CHECK(message.empty());
        CHECK(message.size() == 0);
        CHECK(Message{message}.bytes().empty());
    }
}

TEST_CASE("part of a message shares the whole, and is cut to it") {
    Message part;
    {
        const Message message{counted(100)};
        part = message.part(10, 20);
        CHECK(part.bytes().data() == message.bytes().data() + 10);
        CHECK(message.part(90, 20).size() == 10);
        CHECK(message.part(100, 1).empty());
        CHECK(message.part(1'000, 1).empty());
        CHECK(Message{}.part(0, 1).empty());
    }
    const auto all = counted(100);
    CHECK(holds(part, std::span{all}.subspan(10, 20)));
}

TEST_CASE("messages are copied and dropped by many threads") {
    const Message message{counted(1'000)};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([shared = message] {
            for (int round = 0; round < 10'000; ++round) Message copy{shared};
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(holds(message, counted(1'000)));
}

TEST_CASE("a buffer becomes a message without a copy") {
    MessageBuffer buffer{1'000};
    std::byte* const out = buffer.extend(100);
    std::ranges::copy(counted(100), out);
    const Message message = std::move(buffer).freeze();
    CHECK(message.bytes().data() == out);
    CHECK(holds(message, counted(100)));
    CHECK(buffer.size() == 0);

    CHECK(buffer.append(counted(3)));
    CHECK(holds(std::move(buffer).freeze(), counted(3)));
    CHECK(std::move(buffer).freeze().empty());
}

TEST_CASE("a buffer grows up to its bound and no further") {
    const auto bytes = counted(1'000);
    MessageBuffer buffer{1'000};
    for (std::size_t i = 0; i < 1'000; ++i) {
        REQUIRE(buffer.append(std::span{bytes}.subspan(i, 1)));
    }
    CHECK_FALSE(buffer.append(std::span{bytes}.first(1)));
    CHECK(buffer.extend(1) == nullptr);
    CHECK(buffer.extend(static_cast<std::size_t>(-1)) == nullptr);
    CHECK(buffer.extend(0) != nullptr);
    CHECK(buffer.size() == 1'000);

    buffer.truncate(990);
    CHECK_FALSE(buffer.append(std::span{bytes}.first(11)));
    CHECK(buffer.append(std::span{bytes}.subspan(990)));
    CHECK(holds(std::move(buffer).freeze(), bytes));
}

TEST_CASE("reserving allocates no more than the bound") {
    MessageBuffer buffer{100};
    buffer.reserve(static_cast<std::size_t>(-1));
    const auto* const begin = buffer.extend(0);
    CHECK(buffer.append(counted(100)));
    CHECK(buffer.bytes().data() == begin);

    MessageBuffer other{std::move(buffer)};
    CHECK(other.size() == 100);
    CHECK(buffer.size() == 0);
    buffer = std::move(other);
    CHECK(holds(std::move(buffer).freeze(), counted(100)));
}

TEST_CASE("message bytes are aligned as malloc aligns") {
    MessageBuffer buffer{64};
    buffer.append(counted(64));
    const Message message = std::move(buffer).freeze();
    CHECK(reinterpret_cast<std::uintptr_t>(message.bytes().data()) % 16 == 0);
}
