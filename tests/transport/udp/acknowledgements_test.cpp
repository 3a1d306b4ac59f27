#include "transport/udp/acknowledgements.hpp"

#include "catch.hpp"
#include "sim/random.hpp"

#include <braid/error.hpp>

#include <algorithm>
#include <set>
#include <vector>

using braid::errc;
using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::AckFrame;
using braid::transport::Acknowledgements;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Numbers = std::set<std::uint64_t>;
using Bytes = std::vector<std::byte>;

const Time start{seconds{100}};

Bytes bytes_of(std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const auto value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

Bytes write(Acknowledgements& acks, Time now, std::size_t room = 1200) {
    Bytes out(room);
    out.resize(acks.write(out, now));
    return out;
}

AckFrame read(const Bytes& bytes, std::uint64_t sent_largest) {
    AckFrame frame;
    std::span<const std::byte> in{bytes};
    REQUIRE_FALSE(decode_ack(in, sent_largest, frame));
    REQUIRE(in.empty());
    return frame;
}

std::error_code error_of(const Bytes& bytes, std::uint64_t sent_largest = 100) {
    AckFrame frame;
    std::span<const std::byte> in{bytes};
    const auto error = decode_ack(in, sent_largest, frame);
    if (error) CHECK(in.size() == bytes.size());
    return error;
}

Numbers numbers_of(const AckFrame& frame) {
    Numbers numbers;
    for (std::size_t i = 0; i < frame.count; ++i) {
        for (auto n = frame.ranges[i].begin; n < frame.ranges[i].end; ++n) numbers.insert(n);
    }
    return numbers;
}

Acknowledgements having(std::initializer_list<std::uint64_t> numbers) {
    Acknowledgements acks;
    for (const auto number : numbers) acks.received(number, true, false, start);
    return acks;
}

}  // namespace

TEST_CASE("An ACK is written as the wire says") {
    auto acks = having({5, 6, 7, 10, 12, 13});
    CHECK(write(acks, start + microseconds{80}) == bytes_of({0x02, 13, 0, 10, 2, 1, 0, 0, 1, 2}));
    const auto frame = read(bytes_of({0x02, 13, 0, 10, 2, 1, 0, 0, 1, 2}), 20);
    CHECK(frame.delay == microseconds{80});
    CHECK(frame.largest() == 13);
    CHECK(numbers_of(frame) == Numbers{5, 6, 7, 10, 12, 13});
    REQUIRE(frame.count == 3);
    CHECK(frame.ranges[2].begin == 5);
    CHECK(frame.ranges[2].end == 8);
}

TEST_CASE("A long ACK has 32 bits of its largest number") {
    Acknowledgements acks;
    acks.received(0, true, false, start);
    acks.received(0x0102030405, true, false, start);
    CHECK(write(acks, start)[0] == std::byte{0x03});
    const auto frame = read(bytes_of({0x03, 0x05, 0x04, 0x03, 0x02, 0, 0, 0}), 0x0102030410);
    CHECK(frame.largest() == 0x0102030405);
}

TEST_CASE("The largest number of an ACK is the nearest to those that were sent") {
    const auto largest_of = [](std::uint64_t low, std::uint64_t sent) {
        return read(bytes_of({0x02, static_cast<unsigned>(low & 0xff),
                              static_cast<unsigned>(low >> 8), 0, 0, 0}),
                    sent)
            .largest();
    };
    for (const std::uint64_t sent : {40'000u, 65'535u, 65'536u, 70'000u, 131'071u, 200'000u}) {
        for (std::uint64_t back = 0; back < 32'000; back += 97) {
            REQUIRE(largest_of((sent - back) & 0xffff, sent) == sent - back);
        }
        // What was never sent shows as such.
        REQUIRE(largest_of((sent + 1) & 0xffff, sent) == sent + 1);
    }
    CHECK(largest_of(60'000, 5) == 60'000);
}

TEST_CASE("An ACK cut anywhere is malformed") {
    const auto whole = bytes_of({0x02, 13, 0, 10, 2, 1, 0, 0, 1, 2});
    REQUIRE_FALSE(error_of(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}) ==
              errc::frame_malformed);
    }
}

TEST_CASE("An ACK that no honest peer writes is malformed") {
    CHECK(error_of(bytes_of({0x04, 13, 0, 0, 0, 0})) == errc::frame_malformed);
    // Below number 0: the first range, a gap, a later range.
    CHECK_FALSE(error_of(bytes_of({0x02, 13, 0, 0, 0, 13})));
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 0, 14})) == errc::frame_malformed);
    CHECK_FALSE(error_of(bytes_of({0x02, 13, 0, 0, 1, 1, 10, 0})));
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 1, 1, 11, 0})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 1, 1, 10, 1})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 1, 13, 0, 0})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 1, 12, 0, 0})) == errc::frame_malformed);
    // Lengths and gaps near 2^64.
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                             0xff})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                             0xff, 0})) == errc::frame_malformed);
    // Numbers in more bytes than they need.
    CHECK(error_of(bytes_of({0x02, 13, 0, 0x80, 0x00, 0, 0})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 0x80, 0x00, 0})) == errc::frame_malformed);
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 0, 0x80, 0x00})) == errc::frame_malformed);
}

TEST_CASE("An ACK has at most 64 ranges") {
    auto bytes = bytes_of({0x02, 0xe8, 0x03, 0, 63, 0});
    for (int i = 0; i < 63; ++i) bytes.insert(bytes.end(), 2, std::byte{0});
    CHECK_FALSE(error_of(bytes, 1000));
    bytes[4] = std::byte{64};
    bytes.insert(bytes.end(), 2, std::byte{0});
    CHECK(error_of(bytes, 1000) == errc::frame_malformed);
    // 2^30 ranges.
    CHECK(error_of(bytes_of({0x02, 13, 0, 0, 0xf0, 0x40, 0, 0, 0, 0}), 1000) ==
          errc::frame_malformed);
}

TEST_CASE("An absurd delay of an ACK is a long one") {
    const auto frame = read(bytes_of({0x02, 13, 0, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0}), 20);
    CHECK(frame.delay > Acknowledgements::delay_max);
    CHECK(frame.delay <= seconds{8});
    auto acks = having({1});
    CHECK(read(write(acks, start + std::chrono::hours{1'000'000}), 1).delay == seconds{8});
    CHECK(read(write(acks, start - seconds{1}), 1).delay == Duration{0});
}

TEST_CASE("Nothing is acknowledged before something came") {
    Acknowledgements acks;
    CHECK_FALSE(acks.any());
    CHECK_FALSE(acks.pending());
    CHECK(acks.due() == braid::protocol::never);
    CHECK(acks.largest() == 0);
    CHECK(acks.is_new(0));
    CHECK(write(acks, start).empty());
}

TEST_CASE("The first packet is acknowledged at once and then every second or after 5 ms") {
    Acknowledgements acks;
    acks.received(7, true, false, start);
    CHECK(acks.pending());
    CHECK(acks.due() <= start);
    write(acks, start);
    CHECK_FALSE(acks.pending());
    CHECK(acks.due() == braid::protocol::never);

    acks.received(8, true, false, start + milliseconds{1});
    CHECK(acks.pending());
    CHECK(acks.due() == start + milliseconds{6});
    acks.received(9, true, false, start + milliseconds{2});
    CHECK(acks.due() <= start + milliseconds{2});
}

TEST_CASE("A batch of packets is one ACK") {
    Acknowledgements acks;
    acks.received(0, true, false, start);
    write(acks, start);
    std::size_t written = 0;
    std::uint64_t number = 1;
    for (int batch = 0; batch < 100; ++batch) {
        const auto now = start + milliseconds{batch};
        for (int i = 0; i < 64; ++i) acks.received(number++, true, false, now);
        while (acks.due() <= now) {
            REQUIRE_FALSE(write(acks, now).empty());
            ++written;
        }
    }
    CHECK(written == 100);
    CHECK_FALSE(acks.pending());
}

TEST_CASE("What wants no answer is acknowledged with the next that does") {
    Acknowledgements acks;
    acks.received(1, false, false, start);
    acks.received(2, false, false, start);
    acks.received(9, false, false, start);
    acks.received(5, false, false, start);
    CHECK(acks.any());
    CHECK_FALSE(acks.pending());
    CHECK(acks.due() == braid::protocol::never);
    acks.received(10, true, false, start);
    CHECK(acks.due() == start + Acknowledgements::delay_max);
    CHECK(numbers_of(read(write(acks, start), 10)) == Numbers{1, 2, 5, 9, 10});
}

TEST_CASE("A gap that appears or closes is told at once and so is what asks for it") {
    auto acks = having({1, 2});
    write(acks, start);
    acks.received(4, true, false, start);
    CHECK(acks.due() <= start);
    write(acks, start);
    acks.received(5, true, false, start);
    CHECK(acks.due() == start + Acknowledgements::delay_max);
    write(acks, start);
    acks.received(3, true, false, start);
    CHECK(acks.due() <= start);
    write(acks, start);
    acks.received(6, true, true, start);
    CHECK(acks.due() <= start);
}

TEST_CASE("A packet that came before counts once") {
    auto acks = having({1, 2, 3});
    write(acks, start);
    CHECK_FALSE(acks.is_new(2));
    acks.received(2, true, true, start);
    CHECK_FALSE(acks.pending());
    CHECK(acks.is_new(4));
    CHECK(acks.is_new(0));
}

TEST_CASE("A packet far ahead is taken without a walk over the gap") {
    auto acks = having({5});
    acks.received(5 + (std::uint64_t{1} << 40), true, false, start);
    CHECK(acks.largest() == 5 + (std::uint64_t{1} << 40));
    CHECK(acks.is_new(6));
    const auto frame = read(write(acks, start), acks.largest());
    CHECK(frame.count == 2);
    CHECK(frame.ranges[1].begin == 5);
}

TEST_CASE("Of more ranges than are remembered the oldest count as seen") {
    Acknowledgements acks;
    for (std::uint64_t i = 0; i < 1000; ++i) acks.received(2 * i, true, false, start);
    CHECK(acks.is_new(1999));
    CHECK(acks.is_new(1997 - 2 * 254));
    CHECK_FALSE(acks.is_new(1998 - 2 * 256 - 1));
    CHECK_FALSE(acks.is_new(1));
    CHECK(read(write(acks, start), 2000).count == AckFrame::ranges_max);
    // One that is older than all: taken, but not remembered.
    acks.received(1998 - 2 * 256 + 1, true, false, start);
    CHECK_FALSE(acks.is_new(1998 - 2 * 256 + 1));
}

TEST_CASE("Short of room an ACK tells of the newest packets") {
    const auto room_for = [](std::size_t room) {
        auto acks = having({1, 3, 5, 7, 9});
        return write(acks, start, room);
    };
    for (std::size_t room = 0; room < 6; ++room) {
        auto acks = having({1, 3});
        CHECK(write(acks, start, room).empty());
        CHECK(acks.pending());
    }
    for (std::size_t room = 6; room < 16; ++room) {
        const auto bytes = room_for(room);
        CHECK(bytes.size() <= room);
        const auto frame = read(bytes, 9);
        CHECK(frame.count == std::min<std::size_t>(5, 1 + (room - 6) / 2));
        CHECK(frame.largest() == 9);
    }
}

TEST_CASE("What the peer was told is left out") {
    auto acks = having({1, 2, 3, 5, 6});
    write(acks, start);
    acks.received(8, true, false, start);
    acks.told(6);
    CHECK(numbers_of(read(write(acks, start), 8)) == Numbers{8});
    acks.told(8);
    // The newest is always there.
    CHECK(numbers_of(read(write(acks, start), 8)) == Numbers{8});
    // Told or not, what came once is not new.
    CHECK_FALSE(acks.is_new(2));
    CHECK(acks.is_new(4));
    // An ACK that was never written tells nothing.
    acks.received(9, true, false, start);
    acks.told(9);
    CHECK(numbers_of(read(write(acks, start), 9)) == Numbers{9});
}

TEST_CASE("What came late is told though the peer has an ACK with a larger number") {
    auto acks = having({1, 2, 5});
    write(acks, start);
    acks.received(4, true, false, start);
    acks.told(5);  // that one knew nothing of 4
    CHECK(numbers_of(read(write(acks, start), 5)) == Numbers{4, 5});
    acks.received(6, true, false, start);
    write(acks, start);
    acks.told(6);
    CHECK(numbers_of(read(write(acks, start), 6)) == Numbers{6});
}

TEST_CASE("Packets that are late all the time do not make ACKs grow") {
    Acknowledgements acks;
    std::size_t longest = 0;
    std::vector<std::uint64_t> written;
    for (std::uint64_t pair = 0; pair < 5000; ++pair) {
        // Every second one is lost, and those that come do so in pairs, swapped.
        const auto number = 4 * pair;
        acks.received(number + 2, true, false, start);
        acks.received(number, true, false, start);
        longest = std::max(longest, write(acks, start).size());
        written.push_back(acks.largest());
        if (written.size() > 10) acks.told(written[written.size() - 10]);
    }
    CHECK(longest < 100);
}

TEST_CASE("Many packets within a round trip make ACKs with longer numbers") {
    const auto first_byte_at = [](std::uint64_t per_second) {
        Acknowledgements acks;
        std::uint64_t number = 0;
        for (std::uint64_t second = 0; second < 100; ++second) {
            for (std::uint64_t i = 0; i < per_second; ++i) {
                acks.received(number++, true, false, start + seconds{second});
            }
        }
        return write(acks, start + seconds{100})[0];
    };
    CHECK(first_byte_at(60) == std::byte{0x02});
    CHECK(first_byte_at(128) == std::byte{0x02});
    CHECK(first_byte_at(1000) == std::byte{0x03});

    // After a pause nothing is under way any more.
    Acknowledgements acks;
    for (std::uint64_t i = 0; i < 10'000; ++i) acks.received(i, true, false, start);
    CHECK(write(acks, start)[0] == std::byte{0x03});
    acks.received(10'000, true, false, start + seconds{40});
    CHECK(write(acks, start + seconds{40})[0] == std::byte{0x02});
}

TEST_CASE("A burst of ten times the numbers keeps ACKs clear") {
    // The sender doubles what it sends in each round trip, ACKs need half of one: at no time may
    // the number in a frame mean another one.
    Acknowledgements acks;
    std::uint64_t sent = 3;
    std::vector<std::pair<std::uint64_t, Bytes>> on_the_way;
    for (std::uint64_t flight = 10; flight < 600'000; flight *= 2) {
        for (const auto& [largest, bytes] : on_the_way) {
            REQUIRE(read(bytes, sent + flight).largest() == largest);
        }
        on_the_way.clear();
        for (std::uint64_t i = 0; i < flight; ++i) {
            acks.received(sent + i, true, false, start);
            if (i % 500 == 0) on_the_way.emplace_back(acks.largest(), write(acks, start));
        }
        sent += flight;
    }
}

TEST_CASE("The peer gets to know all that came whatever is lost on the way") {
    // Against sets: ACKs get lost and come in any order, and the peer's word that it has one may
    // come or not. What the peer does not know must be in the next ACK.
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        CAPTURE(seed);
        sim::Random random{seed};
        Acknowledgements acks;
        Numbers came;
        Numbers known;
        std::vector<AckFrame> written;
        std::uint64_t next = random.below(65'536);
        std::vector<std::uint64_t> delayed;
        for (int step = 0; step < 150; ++step) {
            const auto number = next++;
            if (random.chance(0.2)) {
                delayed.push_back(number);
            } else if (!random.chance(0.1)) {
                CHECK(acks.is_new(number));
                acks.received(number, true, false, start);
                came.insert(number);
            }
            if (!delayed.empty() && random.chance(0.25)) {
                const auto at =
                    delayed.begin() + static_cast<std::ptrdiff_t>(random.below(delayed.size()));
                CHECK(acks.is_new(*at));
                acks.received(*at, true, false, start);
                came.insert(*at);
                delayed.erase(at);
            }
            if (random.chance(0.5) && !came.empty()) {
                const auto frame = read(write(acks, start), next);
                const auto told = numbers_of(frame);
                REQUIRE(std::includes(came.begin(), came.end(), told.begin(), told.end()));
                REQUIRE(frame.largest() == *came.rbegin());
                if (frame.count < AckFrame::ranges_max) {
                    auto all = told;
                    all.insert(known.begin(), known.end());
                    REQUIRE(all == came);
                }
                written.push_back(frame);
            }
            if (!written.empty() && random.chance(0.4)) {
                const auto& frame = written[random.below(written.size())];
                known.merge(numbers_of(frame));
                if (random.chance(0.7)) acks.told(frame.largest());
            }
            for (const auto each : came) REQUIRE_FALSE(acks.is_new(each));
        }
    }
}
