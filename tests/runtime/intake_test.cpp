#include "runtime/intake.hpp"

#include "catch.hpp"

#include <braid/error.hpp>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using braid::errc;
using braid::protocol::BlockReference;
using braid::runtime::BlockPool;
using braid::runtime::Intake;
using braid::runtime::SendSide;

namespace {

/// The intake only passes streams on.
braid::runtime::Stream& stream_at(std::size_t number) {
    static char places[16];
    return reinterpret_cast<braid::runtime::Stream&>(places[number]);
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text.data(), text.size()});
}

std::string text_of(const Intake::Record& record, const braid::protocol::Piece& message) {
    return {reinterpret_cast<const char*>(record.block->data) + message.offset, message.bytes};
}

struct Desk {
    explicit Desk(const braid::Limits& limits = {}) : intake{pool, limits, limits.message_bytes} {}

    Intake::Appended send(std::string_view text) {
        return intake.send(stream_at(0), side, {}, bytes_of(text));
    }

    std::vector<std::string> flush() {
        std::vector<std::string> texts;
        intake.flush([&](const Intake::Record& record) {
            for (const auto& message : record.messages) texts.push_back(text_of(record, message));
            if (record.kind == Intake::Kind::large) BlockReference{*record.block};
        });
        return texts;
    }

    std::shared_ptr<BlockPool> pool = std::make_shared<BlockPool>();
    SendSide side;
    Intake intake;
};

}  // namespace

TEST_CASE("what is appended comes out in order, and only the first asks for a flush") {
    Desk desk;
    CHECK(desk.send("one").flush);
    CHECK_FALSE(desk.send("").flush);
    CHECK_FALSE(desk.intake.send(stream_at(1), desk.side, bytes_of("he"), bytes_of("ad")).flush);
    CHECK(desk.flush() == std::vector<std::string>{"one", "", "head"});
    CHECK(desk.send("two").flush);
    CHECK(desk.flush() == std::vector<std::string>{"two"});
    CHECK(desk.flush().empty());
}

TEST_CASE("commands keep their place among messages") {
    Desk desk;
    desk.send("before");
    desk.intake.append(stream_at(2), Intake::Kind::confirm);
    desk.intake.close(stream_at(3), desk.side, Intake::Kind::reset, 77, errc::stream_closed);
    CHECK(desk.send("after").error == errc::stream_closed);
    std::vector<Intake::Kind> kinds;
    desk.intake.flush([&](const Intake::Record& record) {
        kinds.push_back(record.kind);
        if (record.kind == Intake::Kind::reset) {
            CHECK(record.code == 77);
            CHECK(record.stream == &stream_at(3));
        }
    });
    using Kind = Intake::Kind;
    CHECK(kinds == std::vector{Kind::message, Kind::confirm, Kind::reset});
}

TEST_CASE("messages of all sizes fill block after block") {
    Desk desk;
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < 3000; ++i) {
        expected.emplace_back(i * 7 % 5000, static_cast<char>('a' + i % 26));
        REQUIRE_FALSE(desk.send(expected.back()).error);
        if (i % 500 != 499) continue;
        REQUIRE(desk.flush() == expected);
        desk.intake.settle(desk.side, desk.intake.queued());
        expected.clear();
    }
    desk.send(std::string(Intake::large_bytes_min - 1, 'x'));
    CHECK(desk.flush().at(0).size() == Intake::large_bytes_min - 1);
}

TEST_CASE("large messages are not copied") {
    Desk desk;
    const braid::Message message{std::vector<std::byte>(100'000, std::byte{'y'})};
    CHECK(desk.intake.send_large(stream_at(0), desk.side, message).flush);
    desk.intake.flush([&](const Intake::Record& record) {
        const BlockReference reference{*record.block};
        CHECK(record.block->data == message.bytes().data());
        CHECK(record.messages.front().bytes == message.size());
    });
    // Never flushed: the intake lets go of it.
    desk.intake.send_large(stream_at(0), desk.side, message);
}

TEST_CASE("a block is used again when all in it is through") {
    Desk desk;
    const std::byte* first = nullptr;
    for (int i = 0; i < 10'000; ++i) {
        desk.send("ping");
        std::vector<BlockReference> under_way;
        desk.intake.flush([&](const Intake::Record& record) {
            const auto* const at = record.block->data + record.messages.front().offset;
            if (first == nullptr) first = at;
            CHECK(at == first);
            under_way.emplace_back(*record.block);
        });
        under_way.clear();
        desk.intake.settle(desk.side, 4 + Intake::message_charge);
    }
    desk.intake.rest();
    desk.send("after a rest");
    CHECK(desk.flush() == std::vector<std::string>{"after a rest"});
}

TEST_CASE("messages in a row are visited together as far as they are alike") {
    Desk desk;
    SendSide other;
    const auto send = [&](std::size_t stream, SendSide& side, std::string_view text, bool receipt) {
        desk.intake.send(stream_at(stream), side, {}, bytes_of(text), receipt);
    };
    send(0, desk.side, "a", false);
    send(0, desk.side, "bc", false);
    send(1, other, "d", false);
    send(1, other, "e", true);
    send(1, other, "", true);
    desk.intake.append(stream_at(1), Intake::Kind::consumed);
    send(1, other, "f", false);
    std::vector<std::string> visits;
    desk.intake.flush([&](const Intake::Record& record) {
        std::string visit = std::to_string(record.stream == &stream_at(1) ? 1 : 0);
        visit += record.receipt ? "!" : "";
        for (const auto& message : record.messages) visit += " " + text_of(record, message);
        visits.push_back(visit);
    });
    CHECK(visits == std::vector<std::string>{"0 a bc", "1 d", "1! e ", "1", "1 f"});
}

TEST_CASE("what is under way stays where it is while more is sent") {
    Desk desk;
    std::vector<std::pair<std::string, std::string_view>> messages;
    std::vector<BlockReference> under_way;
    for (int i = 0; i < 500; ++i) {
        const auto text = std::to_string(i) + std::string(100, '.');
        desk.send(text);
        desk.intake.flush([&](const Intake::Record& record) {
            const auto& message = record.messages.front();
            const auto* const at = record.block->data + message.offset;
            messages.emplace_back(
                text, std::string_view{reinterpret_cast<const char*>(at), message.bytes});
            under_way.emplace_back(*record.block);
        });
    }
    for (const auto& [text, message] : messages) REQUIRE(message == text);
}

TEST_CASE("queues have limits") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = 1000;
    limits.participant_send_queue_bytes = 2500;
    Desk desk{limits};
    SendSide other;
    SendSide lossy;
    lossy.lossy = true;
    const std::string text(300, 'z');
    const auto send = [&](SendSide& side) {
        return desk.intake.send(stream_at(0), side, {}, bytes_of(text)).error;
    };
    for (int i = 0; i < 3; ++i) CHECK_FALSE(send(desk.side));
    CHECK(send(desk.side) == errc::send_queue_full);
    std::error_code error;
    CHECK_FALSE(desk.intake.writable(desk.side, 900, error));
    CHECK(desk.intake.writable(other, 1, error));
    for (int i = 0; i < 4; ++i) CHECK_FALSE(send(lossy));
    CHECK(send(lossy) == errc::send_queue_full);
    CHECK(send(other) == errc::send_queue_full);
    CHECK_FALSE(desk.intake.take_relieved());
    desk.intake.settle(lossy, 4 * 332);
    CHECK(desk.intake.take_relieved());
    CHECK_FALSE(desk.intake.take_relieved());
    CHECK(desk.intake.queued() == 3 * 332);
    desk.intake.settle(desk.side, 3 * 332);

    // Larger than the queue, but alone.
    const std::string large(5000, 'l');
    CHECK_FALSE(desk.intake.send(stream_at(0), desk.side, {}, bytes_of(large)).error);
    CHECK(send(desk.side) == errc::send_queue_full);
}

TEST_CASE("a closed intake takes no messages, an ended one nothing") {
    Desk desk;
    desk.intake.close(errc::participant_closed);
    CHECK(desk.send("no").error == errc::participant_closed);
    CHECK_FALSE(desk.intake.append(stream_at(0), Intake::Kind::consumed).error);
    desk.intake.end(errc::participant_lost);
    CHECK(desk.intake.append(stream_at(0), Intake::Kind::consumed).error ==
          errc::participant_closed);
}

TEST_CASE("many threads append at once") {
    braid::Limits limits;
    limits.stream_send_queue_bytes = limits.participant_send_queue_bytes = 1u << 30;
    Desk desk{limits};
    constexpr int threads_count = 4;
    constexpr int each = 20'000;
    std::atomic<int> running{threads_count};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < threads_count; ++thread) {
        threads.emplace_back([&, thread] {
            for (int i = 0; i < each; ++i) {
                const std::array message{thread, i};
                desk.intake.send(stream_at(0), desk.side, {},
                                 std::as_bytes(std::span{&message, 1}));
            }
            --running;
        });
    }
    std::map<int, int> next;
    int count = 0;
    while (count < threads_count * each) {
        desk.intake.flush([&](const Intake::Record& record) {
            for (const auto& piece : record.messages) {
                std::array<int, 2> message;
                std::memcpy(&message, record.block->data + piece.offset, sizeof message);
                if (next[message[0]]++ != message[1]) FAIL("out of order");
                ++count;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(running == 0);
}
