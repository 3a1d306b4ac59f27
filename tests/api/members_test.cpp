#include "catch.hpp"

#include <braid/serialize.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

// Plain structs with members that make counting them hard.

namespace {

struct OneString {
    std::string only;
};

struct OneVariant {
    std::variant<int, std::string, OneString> only;
};

struct OneArray {
    std::array<int, 3> only;
};

struct Nested {
    OneString string;
    OneVariant variant;
    OneArray array;
    std::array<OneString, 2> strings;
    std::optional<OneArray> optional;
    std::tuple<int, OneString> tuple;
    struct {
        int a, b;
    } unnamed;
};

struct NoItems {
    std::array<std::uint8_t, 0> none;
    std::uint8_t one;
};

struct MoveOnly {
    MoveOnly() = default;
    MoveOnly(MoveOnly&&) = default;
    MoveOnly& operator=(MoveOnly&&) = default;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(values);
    }

    std::vector<int> values;
};

struct HoldsMoveOnly {
    MoveOnly one;
    std::vector<MoveOnly> many;
};

struct WithDefaults {
    int number = 1;
    std::string text = "x";
};

struct TakesAnything {
    TakesAnything() = default;
    template <typename T>
        requires(!std::is_same_v<std::decay_t<T>, TakesAnything>)
    TakesAnything(T&&) {}

    template <class Archive>
    void serialize(Archive& archive) {
        archive(value);
    }

    int value = 0;
};

struct HoldsTakesAnything {
    int number;
    TakesAnything anything;
};

struct Seventeen {
    int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};

using braid::detail::member_count;
static_assert(member_count<OneString> == 1);
static_assert(member_count<OneVariant> == 1);
static_assert(member_count<OneArray> == 1);
static_assert(member_count<Nested> == 7);
static_assert(member_count<NoItems> == 2);
static_assert(member_count<HoldsMoveOnly> == 2);
static_assert(member_count<WithDefaults> == 2);
static_assert(member_count<HoldsTakesAnything> == 2);
static_assert(member_count<Seventeen> > braid::detail::members_max);

template <typename T>
void check_round_trip(const T& value) {
    const auto once = braid::Message::pack(value);
    const auto twice = braid::Message::pack(once.template unpack<T>());
    CHECK(std::ranges::equal(once.bytes(), twice.bytes()));
}

}  // namespace

TEST_CASE("all members of a plain struct are packed, whatever they are") {
    check_round_trip(OneString{"text"});
    check_round_trip(OneVariant{OneString{"text"}});
    check_round_trip(OneArray{{1, 2, 3}});
    check_round_trip(
        Nested{{"1"}, {2}, {{3}}, {{{"4"}, {"5"}}}, OneArray{{6}}, {7, {"8"}}, {9, 10}});
    check_round_trip(WithDefaults{});
    check_round_trip(HoldsTakesAnything{1, {}});

    HoldsMoveOnly holder;
    holder.one.values = {1, 2};
    holder.many.resize(2);
    check_round_trip(holder);
}

TEST_CASE("an array without items takes no bytes") {
    CHECK(braid::packed_size(std::array<std::uint8_t, 0>{}) == 0);
    CHECK(braid::packed_size(NoItems{{}, 7}) == 1);
    CHECK(braid::Message::pack(NoItems{{}, 7}).unpack<NoItems>().one == 7);
}
