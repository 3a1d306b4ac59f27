#include "catch.hpp"

#include <braid/pid.hpp>

#include <unordered_set>

using braid::Pid;

TEST_CASE("numbered Pids print as six equal letters of the alphabet") {
    CHECK(to_string(Pid::numbered(0)) == "AAAAAA");
    CHECK(to_string(Pid::numbered(1)) == "BBBBBB");
    CHECK(to_string(Pid::numbered(25)) == "ZZZZZZ");
    CHECK(to_string(Pid::numbered(26)) == "aaaaaa");
    CHECK(to_string(Pid::numbered(52)) == "000000");
    CHECK(to_string(Pid::numbered(62)) == "++++++");
    CHECK(to_string(Pid::numbered(63)) == "//////");
}

TEST_CASE("numbered Pids have the bytes recorded from other implementations") {
    CHECK(Pid::numbered(1) == Pid{{0x41, 0x10, 0x04, 0x41}});
    CHECK(Pid::numbered(2) == Pid{{0x82, 0x20, 0x08, 0x82}});
    CHECK(Pid::numbered(63) == Pid{{0xff, 0xff, 0xff, 0xff, 0x0f}});
}

TEST_CASE("a Pid's text is its low 36 bits, lowest first") {
    CHECK(to_string(Pid{{1}}) == "BAAAAA");
    CHECK(to_string(Pid{{0x40}}) == "ABAAAA");
    CHECK(to_string(Pid{{0, 0, 0, 0, 0x08}}) == "AAAAAg");
    CHECK(to_string(Pid{{0, 0, 0, 0, 0xf0, 0xff, 0, 0, 0, 9}}) == "AAAAAA");
}

TEST_CASE("Pids compare as their bytes and can be keys") {
    CHECK(Pid::numbered(1) < Pid::numbered(2));
    std::unordered_set<Pid> pids;
    for (unsigned letter = 0; letter < 64; ++letter) pids.insert(Pid::numbered(letter));
    CHECK(pids.size() == 64);
}
