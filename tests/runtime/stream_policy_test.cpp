#include "runtime/stream_policy.hpp"

#include "catch.hpp"

#include <braid/close_code.hpp>

#include <set>
#include <stdexcept>
#include <string>

using braid::NetworkOptions;
using braid::PeerStreamLimits;
using braid::Pid;
using braid::Promises;
using braid::StreamOptions;
using braid::runtime::StreamPolicy;
namespace close_code = braid::close_code;

namespace {

StreamOptions asked(int priority, Promises promises = Promises::reliable,
                    std::uint64_t bandwidth = 0) {
    StreamOptions options;
    options.priority = priority;
    options.promises = promises;
    options.bandwidth_bytes_per_second = bandwidth;
    return options;
}

}  // namespace

TEST_CASE("without caps there is no policy") {
    CHECK(StreamPolicy::of(NetworkOptions{}) == nullptr);
    PeerStreamLimits limits;
    limits.promises = limits.promises | Promises::none;
    CHECK(StreamPolicy::of(NetworkOptions{}.peer_streams(limits)) == nullptr);
}

TEST_CASE("each cap refuses what is beyond it, and only that") {
    PeerStreamLimits limits;
    limits.most_urgent = 3;
    limits.bandwidth_bytes_per_second = 1000;
    limits.bandwidth_bytes_per_second_total = 1500;
    limits.promises = Promises::reliable;
    const auto policy = StreamPolicy::of(NetworkOptions{}.peer_streams(limits));
    REQUIRE(policy != nullptr);
    CHECK(policy->limits_total());
    const auto refusal = [&](const StreamOptions& options, std::uint64_t guaranteed = 0) {
        return policy->refusal(Pid{}, options, guaranteed);
    };
    CHECK_FALSE(refusal(asked(3)));
    CHECK_FALSE(refusal(asked(7)));
    CHECK(refusal(asked(2)) == close_code::priority_refused);
    CHECK_FALSE(refusal(asked(4, Promises::none)));
    CHECK(refusal(asked(4, Promises::compressed)) == close_code::promises_refused);
    CHECK_FALSE(refusal(asked(4, Promises::ordered, 1000)));
    CHECK(refusal(asked(4, Promises::ordered, 1001)) == close_code::bandwidth_refused);
    CHECK_FALSE(refusal(asked(4, Promises::ordered, 500), 1000));
    CHECK(refusal(asked(4, Promises::ordered, 501), 1000) == close_code::bandwidth_refused);
    CHECK_FALSE(refusal(asked(4), UINT64_MAX));
    CHECK(refusal(asked(4, Promises::ordered, 1), UINT64_MAX) == close_code::bandwidth_refused);
}

TEST_CASE("a policy sees what is within the caps, and refuses by what it gives or throws") {
    PeerStreamLimits limits;
    limits.most_urgent = 1;
    int calls = 0;
    std::optional<std::uint64_t> answer;
    const auto policy = StreamPolicy::of(NetworkOptions{}.peer_streams(limits).accept_streams(
        [&](const Pid& peer, const StreamOptions& options) {
            ++calls;
            CHECK(peer == Pid::numbered(5));
            if (options.tag == 13) throw std::runtime_error{"bad luck"};
            return answer;
        }));
    auto options = asked(1);
    const auto refusal = [&] { return policy->refusal(Pid::numbered(5), options, 0); };
    CHECK_FALSE(refusal());
    answer = 0;
    CHECK(refusal() == 0);
    answer = close_code::application_max;
    CHECK(refusal() == close_code::application_max);
    answer = close_code::application_max + 1;
    CHECK(refusal() == close_code::policy_failed);
    answer.reset();
    options.tag = 13;
    CHECK(refusal() == close_code::policy_failed);
    CHECK(calls == 5);
    options.priority = 0;
    CHECK(refusal() == close_code::priority_refused);
    CHECK(calls == 5);
}

TEST_CASE("each of braid's refusals has a text of its own") {
    std::set<std::string> texts;
    for (const auto code :
         {std::uint64_t{7}, close_code::encryption_unavailable, close_code::priority_refused,
          close_code::promises_refused, close_code::bandwidth_refused, close_code::policy_failed}) {
        CHECK(texts.insert(std::string{braid::runtime::refusal_text(code)}).second);
    }
}
