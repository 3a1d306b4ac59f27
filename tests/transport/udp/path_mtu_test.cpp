#include "transport/udp/path_mtu.hpp"

#include "catch.hpp"

#include <chrono>
#include <vector>

using braid::protocol::Duration;
using braid::protocol::Time;
using braid::transport::PathMtu;
using namespace std::chrono_literals;

namespace {

constexpr auto base = PathMtu::base_bytes;

struct Path {
    explicit Path(std::size_t interface, std::size_t carries)
        : mtu{interface, now}, carries_bytes{carries} {}

    /// Sends what is due until nothing is, an answer later each; the sizes that were probed.
    std::vector<std::size_t> search() {
        std::vector<std::size_t> sizes;
        while (const auto size = mtu.probe(now)) {
            sizes.push_back(*size);
            mtu.probe_sent(*size, now);
            REQUIRE_FALSE(mtu.probe(now));
            REQUIRE(mtu.deadline() == braid::protocol::never);
            now += 50ms;
            if (*size <= carries_bytes) {
                mtu.acked(*size, now);
            } else {
                mtu.lost(*size, true, now);
            }
            REQUIRE(sizes.size() < 100);
        }
        return sizes;
    }

    /// So many packets of the present length are lost, each in an acknowledgement of its own.
    void lose(int packets) {
        const auto bytes = mtu.packet_bytes();
        for (int i = 0; i < packets; ++i) {
            now += 10ms;
            mtu.lost(bytes, false, now);
        }
    }

    Time now = Time{} + 1h;
    PathMtu mtu;
    std::size_t carries_bytes;
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("path MTU starts at 1200 and climbs the usual sizes") {
    Path path{1472, 1472};
    REQUIRE(path.mtu.packet_bytes() == 1200);
    CHECK(path.search() == Sizes{1280, 1392, 1432, 1452, 1472});
    CHECK(path.mtu.packet_bytes() == 1472);
    CHECK(path.mtu.deadline() == braid::protocol::never);
}

TEST_CASE("path MTU ends at what the interface carries") {
    CHECK(Path{1452, 9000}.search() == Sizes{1280, 1392, 1432, 1452});
    CHECK(Path{1400, 9000}.search() == Sizes{1280, 1392, 1400});
    CHECK(Path{1280, 9000}.search() == Sizes{1280});
    CHECK(Path{1200, 9000}.search().empty());
    Path small{576, 9000};
    CHECK(small.search().empty());
    CHECK(small.mtu.packet_bytes() == base);
}

TEST_CASE("path MTU tries a size three times and stays below it for ten minutes") {
    Path path{1472, 1400};
    CHECK(path.search() == Sizes{1280, 1392, 1432, 1432, 1432});
    CHECK(path.mtu.packet_bytes() == 1392);
    const auto again = path.mtu.deadline();
    CHECK(again == path.now + 10min);
    path.now = again;
    path.carries_bytes = 1472;
    CHECK(path.search() == Sizes{1432, 1452, 1472});
    CHECK(path.mtu.packet_bytes() == 1472);
}

TEST_CASE("path MTU gets over probes that are lost by chance") {
    Path path{1472, 1472};
    for (int i = 0; i < 2; ++i) {
        path.mtu.probe_sent(1280, path.now);
        path.mtu.lost(1280, true, path.now);
        REQUIRE(path.mtu.probe(path.now) == 1280u);
    }
    path.search();
    CHECK(path.mtu.packet_bytes() == 1472);
}

TEST_CASE("path MTU takes the whole of a jumbo interface at once") {
    Path path{8972, 8972};
    CHECK(path.search() == Sizes{1280, 1392, 1432, 1452, 1472, 8972});
    CHECK(path.mtu.packet_bytes() == 8972);
}

TEST_CASE("path MTU halves its way to what a jumbo path carries") {
    Path path{8972, 4444};
    const auto sizes = path.search();
    CHECK(path.mtu.packet_bytes() <= 4444);
    CHECK(path.mtu.packet_bytes() > 4444 - 64);
    CHECK(sizes.size() < 40);
    CHECK(path.mtu.deadline() == path.now + 10min);
}

TEST_CASE("path MTU falls to 1200 in a black hole and searches after 60 seconds and 10 minutes") {
    Path path{1472, 1472};
    path.search();
    path.lose(3);
    CHECK(path.mtu.packet_bytes() == 1472);
    path.lose(1);
    CHECK(path.mtu.packet_bytes() == base);
    CHECK(path.mtu.deadline() == path.now + 60s);
    CHECK_FALSE(path.mtu.probe(path.now + 59s));
    path.now += 60s;
    path.search();
    REQUIRE(path.mtu.packet_bytes() == 1472);
    path.lose(4);
    CHECK(path.mtu.packet_bytes() == base);
    CHECK(path.mtu.deadline() == path.now + 10min);
}

TEST_CASE("path MTU sees no black hole where packets as long arrive in between") {
    Path path{1472, 1472};
    path.search();
    for (int i = 0; i < 20; ++i) {
        path.lose(3);
        path.mtu.acked(1472, path.now + 1ms);
    }
    CHECK(path.mtu.packet_bytes() == 1472);
}

TEST_CASE("path MTU sees no black hole in a burst lost before one as long that arrived") {
    Path path{1472, 1472};
    path.search();
    path.now += 1s;
    path.mtu.acked(1472, path.now);
    for (int i = 0; i < 20; ++i) path.mtu.lost(1472, false, path.now);
    CHECK(path.mtu.packet_bytes() == 1472);
}

TEST_CASE("path MTU sees a black hole although short packets arrive") {
    Path path{1472, 1472};
    path.search();
    for (int i = 0; i < 4; ++i) {
        path.mtu.acked(100, path.now);
        path.mtu.acked(base, path.now);
        path.lose(1);
    }
    CHECK(path.mtu.packet_bytes() == base);
}

TEST_CASE("path MTU does not count short packets and probes for a black hole") {
    Path path{1472, 1432};
    path.search();
    REQUIRE(path.mtu.packet_bytes() == 1432);
    for (int i = 0; i < 20; ++i) {
        path.mtu.lost(base, false, path.now);
        path.mtu.lost(1452, true, path.now);
    }
    CHECK(path.mtu.packet_bytes() == 1432);
}

TEST_CASE("path MTU shrinks at once when the system refuses a size") {
    Path path{1472, 1472};
    path.search();
    path.mtu.too_big(1472, path.now);
    CHECK(path.mtu.packet_bytes() == base);
    CHECK(path.search() == Sizes{1280, 1392, 1432, 1452});
    CHECK(path.mtu.packet_bytes() == 1452);
    CHECK(path.mtu.deadline() == path.now + 10min);
}

TEST_CASE("path MTU does not try three times what the system refuses") {
    Path path{1472, 1472};
    const auto size = path.mtu.probe(path.now);
    REQUIRE(size == 1280u);
    path.mtu.too_big(*size, path.now);
    CHECK_FALSE(path.mtu.probe(path.now));
    CHECK(path.mtu.packet_bytes() == base);
    CHECK(path.mtu.deadline() == path.now + 10min);
}

TEST_CASE("path MTU does not go below 1200 whatever the system says") {
    Path path{1472, 1472};
    path.search();
    path.mtu.too_big(600, path.now);
    CHECK(path.mtu.packet_bytes() == 1472);
}

TEST_CASE("path MTU begins anew on another path") {
    Path path{1472, 1392};
    path.search();
    path.mtu.path_changed(path.now);
    CHECK(path.mtu.packet_bytes() == base);
    path.carries_bytes = 1472;
    CHECK(path.search() == Sizes{1280, 1392, 1432, 1452, 1472});
}

TEST_CASE("path MTU ignores what becomes of a probe of the path before") {
    Path path{1472, 1472};
    const auto size = path.mtu.probe(path.now);
    path.mtu.probe_sent(*size, path.now);
    path.mtu.path_changed(path.now);
    path.mtu.lost(*size, true, path.now);
    path.mtu.lost(*size, true, path.now);
    path.mtu.lost(*size, true, path.now);
    CHECK(path.mtu.probe(path.now) == 1280u);
}
