#include "sim/soak.hpp"

#include "catch.hpp"

#include <chrono>
#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace std::chrono_literals;

namespace {

/// Under a sanitizer it is 0: then memory is not watched.
std::uint64_t heap_bytes() {
#ifdef __GLIBC__
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
#else
    return 0;
#endif
}

}  // namespace

// bench/udp_soak runs both for longer.

TEST_CASE("A short soak moves half a gigabyte and takes no more memory in the end") {
    const auto report = sim::soak_bytes(500'000'000, {1, heap_bytes, {}});
    CHECK(report.bytes > 450'000'000);
    CHECK(report.packets > 300'000);
    CHECK(report.packets_lost > 10);
}

TEST_CASE("Four days of a connection that says little take no more memory in the end") {
    const auto report = sim::soak_days(4, {1, heap_bytes, {}});
    CHECK(report.elapsed >= 4 * 24h);
    CHECK(report.streams == 4 + 4 * 24);
    CHECK(report.handshakes == 4 * 24 * 6);
    CHECK(report.path_changes >= 8);
}
