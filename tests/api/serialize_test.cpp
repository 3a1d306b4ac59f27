#include "catch.hpp"

#include <braid/serialize.hpp>

#include <cereal/types/bitset.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

// The standard types are packed our way although cereal's headers for them are included.

using braid::Message;
using braid::unpack;

namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
    return bytes;
}

template <typename T>
Bytes packed(const T& value) {
    const Message message = Message::pack(value);
    CHECK(braid::packed_size(value) == message.size());
    return {message.bytes().begin(), message.bytes().end()};
}

template <typename T>
bool is_malformed(std::span<const std::byte> bytes) {
    try {
        unpack<T>(bytes);
        return false;
    } catch (const braid::StreamError& error) {
        return error.code() == braid::errc::message_malformed;
    }
}

// The value comes back, no part of its bytes is a T, and neither is anything longer.
template <typename T>
void check_round_trip(const T& value) {
    Bytes bytes = packed(value);
    CHECK(unpack<T>(bytes) == value);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        INFO("cut to " << size << " of " << bytes.size());
        CHECK(is_malformed<T>(std::span{bytes}.first(size)));
    }
    bytes.push_back(std::byte{0});
    CHECK(is_malformed<T>(bytes));
}

struct Vector3 {
    float x, y, z;
    bool operator==(const Vector3&) const = default;
};

enum class Kind : std::uint16_t { player, monster };

struct Entity {
    std::uint64_t id = 0;
    std::string name;
    std::optional<std::int32_t> health;
    Vector3 position{};
    std::vector<Vector3> path;
    Kind kind = Kind::player;
    bool alive = false;
    std::map<std::string, std::uint8_t> items;
    bool operator==(const Entity&) const = default;
};

struct Sixteen {
    std::int32_t a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
    bool operator==(const Sixteen&) const = default;
};

struct Cache64 {
    std::uint32_t id;
    Vector3 position;
    std::array<std::uint64_t, 6> rest;
    bool operator==(const Cache64&) const = default;
};
static_assert(sizeof(Cache64) == 64 && braid::detail::is_raw<Cache64>());

struct Padded {
    std::uint8_t small;
    std::uint32_t large;
    bool operator==(const Padded&) const = default;
};
static_assert(!braid::detail::is_raw<Padded>() && braid::detail::fixed_size<Padded> == 5);

struct WithBool {
    bool value;
};
static_assert(!braid::detail::is_raw<WithBool>());

struct Named {
    char name[8];
    std::uint32_t id;
};

struct Tree {
    std::vector<Tree> children;
    bool operator==(const Tree&) const = default;
};

struct Empty {
    bool operator==(const Empty&) const = default;
};

class Private {
public:
    Private() = default;
    explicit Private(int value) : value_{value}, text_(static_cast<std::size_t>(value), 'x') {}
    bool operator==(const Private&) const = default;

private:
    friend class cereal::access;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(cereal::NameValuePair<int&>("value", value_), text_);
    }

    int value_ = 0;
    std::string text_;
};

struct Split {
    std::uint32_t doubled = 0;
    bool operator==(const Split&) const = default;

    template <class Archive>
    void save(Archive& archive) const {
        static_assert(Archive::is_saving::value);
        archive(doubled * 2);
    }
    template <class Archive>
    void load(Archive& archive) {
        static_assert(Archive::is_loading::value);
        archive& doubled;
        doubled /= 2;
    }
};

struct Minimal {
    std::string text;
    bool operator==(const Minimal&) const = default;

    template <class Archive>
    std::string save_minimal(const Archive&) const {
        return text;
    }
    template <class Archive>
    void load_minimal(const Archive&, const std::string& saved) {
        text = saved;
    }
};

struct Base {
    std::uint8_t base = 0;
    bool operator==(const Base&) const = default;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(base);
    }
};

struct Derived : Base {
    std::uint8_t derived = 0;
    bool operator==(const Derived&) const = default;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(cereal::base_class<Base>(this), derived);
    }
};

// Counts what a container has allocated at most.
std::size_t allocated_max = 0;

template <typename T>
struct CountingAllocator : std::allocator<T> {
    CountingAllocator() = default;
    template <typename U>
    CountingAllocator(const CountingAllocator<U>&) {}
    template <typename U>
    struct rebind {
        using other = CountingAllocator<U>;
    };

    T* allocate(std::size_t count) {
        allocated_max = std::max(allocated_max, count * sizeof(T));
        return std::allocator<T>::allocate(count);
    }
};

struct Hundred {
    std::array<std::uint8_t, 4096> bytes{};

    template <class Archive>
    void serialize(Archive& archive) {
        for (std::size_t i = 0; i < 100; ++i) archive(bytes[i]);
    }
};

// A range with functions of its own: they decide.
struct Reversed : std::vector<std::uint8_t> {
    using std::vector<std::uint8_t>::vector;
};

template <class Archive>
void save(Archive& archive, const Reversed& values) {
    archive(static_cast<std::uint16_t>(values.size()));
    for (auto value = values.rbegin(); value != values.rend(); ++value) archive << *value;
}
template <class Archive>
void load(Archive& archive, Reversed& values) {
    std::uint16_t size;
    archive(size);
    values.resize(size);
    for (auto value = values.rbegin(); value != values.rend(); ++value) archive >> *value;
}

}  // namespace

template <>
inline constexpr bool braid::pack_as_bytes<Named> = true;

TEST_CASE("values are laid out as recorded from Rust's bincode") {
    CHECK(packed("Hello World") == bytes_of({0x0b, 0, 0, 0, 0, 0, 0, 0, 0x48, 0x65, 0x6c, 0x6c,
                                             0x6f, 0x20, 0x57, 0x6f, 0x72, 0x6c, 0x64}));
    CHECK(packed(std::int32_t{1337}) == bytes_of({0x39, 0x05, 0, 0}));

    const std::tuple<bool, std::optional<std::uint16_t>, std::optional<std::uint8_t>, std::int64_t,
                     std::vector<std::uint8_t>, char, float>
        tuple{true, 7, std::nullopt, -2, {1, 2, 3}, 'x', 1.5f};
    CHECK(packed(tuple) == bytes_of({0x01, 0x01, 0x07, 0x00, 0x00, 0xfe, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0x03, 0,    0,    0,    0,    0,    0,
                                     0,    0x01, 0x02, 0x03, 0x78, 0x00, 0x00, 0xc0, 0x3f}));
    check_round_trip(tuple);

    const Bytes zeros = packed(std::vector<std::uint8_t>(3000));
    CHECK(zeros.size() == 3008);
    CHECK(std::equal(zeros.begin(), zeros.begin() + 8,
                     bytes_of({0xb8, 0x0b, 0, 0, 0, 0, 0, 0}).begin()));

    CHECK(packed(std::tuple<>{}).empty());
    CHECK(packed(std::uint8_t{5}) == bytes_of({5}));
}

TEST_CASE("numbers come back") {
    check_round_trip(std::numeric_limits<std::int8_t>::min());
    check_round_trip(std::numeric_limits<std::uint16_t>::max());
    check_round_trip(std::numeric_limits<std::int32_t>::min());
    check_round_trip(std::numeric_limits<std::int64_t>::min());
    check_round_trip(std::numeric_limits<std::uint64_t>::max());
    check_round_trip(1.5f);
    check_round_trip(std::numeric_limits<double>::infinity());
    check_round_trip(true);
    check_round_trip(U'x');
    check_round_trip(std::byte{7});
    check_round_trip(Kind::monster);
    CHECK(packed(Kind::monster) == bytes_of({1, 0}));
    CHECK(packed(0x0102030405060708u) == bytes_of({8, 7, 6, 5, 4, 3, 2, 1}));
}

TEST_CASE("texts are strings") {
    const Bytes hi = bytes_of({2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'});
    const char buffer[16] = "hi";
    const char* const pointer = "hi";
    CHECK(packed("hi") == hi);
    CHECK(packed(buffer) == hi);
    CHECK(packed(pointer) == hi);
    CHECK(packed(std::string_view{"hi"}) == hi);
    CHECK(packed(std::string{"hi"}) == hi);
    CHECK(unpack<std::string>(hi) == "hi");
    check_round_trip(std::u16string{u"\u00e4"});
}

TEST_CASE("the containers of the standard library come back") {
    check_round_trip(std::string(1000, 'x'));
    check_round_trip(std::vector<std::uint32_t>{1, 2, 3});
    check_round_trip(std::vector<bool>{true, false, true});
    check_round_trip(std::vector<std::string>{"a", "", "c"});
    check_round_trip(std::deque<int>{1, 2});
    check_round_trip(std::list<std::string>{"x"});
    check_round_trip(std::array<std::uint16_t, 3>{1, 2, 3});
    check_round_trip(std::array<std::string, 2>{"1", "2"});
    check_round_trip(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}});
    check_round_trip(std::multimap<int, int>{{1, 1}, {1, 2}});
    check_round_trip(std::unordered_map<int, std::string>{{1, "1"}, {2, "2"}});
    check_round_trip(std::set<std::string>{"a", "b"});
    check_round_trip(std::pair<int, std::string>{1, "x"});
    const std::array<int, 2> items{1, 2};
    CHECK(packed(std::span<const int>{items}) == packed(std::vector<int>{1, 2}));
}

TEST_CASE("optional, variant and chrono come back") {
    using Variant = std::variant<std::monostate, std::uint8_t, std::string>;
    check_round_trip(std::optional<std::string>{"x"});
    check_round_trip(std::optional<std::string>{});
    check_round_trip(Variant{});
    check_round_trip(Variant{std::uint8_t{3}});
    check_round_trip(Variant{"text"});
    CHECK(packed(Variant{std::uint8_t{3}}) == bytes_of({1, 0, 0, 0, 3}));
    check_round_trip(std::chrono::milliseconds{-5});
    CHECK(packed(std::chrono::duration<std::int16_t>{5}).size() == 8);
    check_round_trip(std::chrono::duration<double>{1.5});
    check_round_trip(std::chrono::system_clock::time_point{std::chrono::seconds{9}});
}

TEST_CASE("plain structs come back, their members with nothing between") {
    check_round_trip(Entity{7, "bob", 3, {1, 2, 3}, {{4, 5, 6}}, Kind::monster, true, {{"x", 1}}});
    check_round_trip(Sixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
    check_round_trip(Cache64{1, {2, 3, 4}, {5, 6, 7, 8, 9, 10}});
    check_round_trip(Padded{1, 2});
    CHECK(packed(Padded{1, 2}) == bytes_of({1, 2, 0, 0, 0}));
    check_round_trip(std::vector<Padded>{{1, 2}, {3, 4}});
    check_round_trip(std::vector<Cache64>(3));
    check_round_trip(Empty{});
    check_round_trip(Tree{{Tree{}, Tree{{Tree{}}}}});
}

TEST_CASE("a type that asks for it is packed as it lies in memory") {
    const Bytes bytes = packed(Named{"bob", 7});
    CHECK(bytes == bytes_of({'b', 'o', 'b', 0, 0, 0, 0, 0, 7, 0, 0, 0}));
    CHECK(unpack<Named>(bytes).id == 7);
    CHECK(is_malformed<Named>(std::span{bytes}.first(11)));
}

TEST_CASE("cereal's conventions hold") {
    check_round_trip(Private{5});
    check_round_trip(Split{21});
    CHECK(packed(Split{21}) == bytes_of({42, 0, 0, 0}));
    check_round_trip(Minimal{"text"});
    Derived derived;
    derived.base = 1;
    derived.derived = 2;
    check_round_trip(derived);
    CHECK(packed(derived) == bytes_of({1, 2}));
    check_round_trip(Reversed{1, 2, 3});
    CHECK(packed(Reversed{1, 2, 3}) == bytes_of({3, 0, 3, 2, 1}));
    check_round_trip(std::vector<Private>{Private{1}, Private{2}});
    check_round_trip(std::complex<double>{1, 2});
    check_round_trip(std::bitset<12>{0xabc});
}

TEST_CASE("what does not fit is counted, and not written beyond the end") {
    std::array<std::byte, 8> out;
    out.fill(std::byte{0xee});
    CHECK(braid::pack_into(std::string{"text"}, std::span{out}.first(6)) == 12);
    CHECK(out[6] == std::byte{0xee});
    CHECK(braid::pack_into(Cache64{}, out) == 64);
    CHECK(braid::pack_into(std::uint16_t{1}, std::span<std::byte>{}) == 2);
    CHECK(braid::pack_into(std::uint64_t{1}, out) == 8);
    CHECK(out[0] == std::byte{1});
}

TEST_CASE("long values are packed in one message") {
    check_round_trip(std::vector<std::string>(20, std::string(20, 'x')));
    const Message message = Message::pack(std::vector<std::uint32_t>(100'000, 7));
    CHECK(message.unpack<std::vector<std::uint32_t>>() == std::vector<std::uint32_t>(100'000, 7));
}

TEST_CASE("a value that exists is filled anew") {
    std::vector<std::string> value{"old", "older", "oldest"};
    braid::unpack_into(value, packed(std::vector<std::string>{"new"}));
    CHECK(value == std::vector<std::string>{"new"});
    std::optional<int> present{1};
    braid::unpack_into(present, packed(std::optional<int>{}));
    CHECK_FALSE(present);
}

TEST_CASE("bytes that are no T are malformed") {
    CHECK(is_malformed<bool>(bytes_of({2})));
    CHECK(is_malformed<WithBool>(bytes_of({255})));
    CHECK(is_malformed<std::vector<bool>>(bytes_of({1, 0, 0, 0, 0, 0, 0, 0, 2})));
    CHECK(is_malformed<std::optional<std::uint8_t>>(bytes_of({2, 0})));
    using Variant = std::variant<std::uint8_t, std::uint16_t>;
    CHECK(is_malformed<Variant>(bytes_of({2, 0, 0, 0, 0})));
    CHECK(is_malformed<Variant>(bytes_of({0xff, 0xff, 0xff, 0xff, 0})));
    CHECK(is_malformed<std::chrono::duration<std::int16_t>>(bytes_of({0, 0, 1, 0, 0, 0, 0, 0})));
    CHECK(is_malformed<std::bitset<12>>(bytes_of({9, 0, 0})));
}

TEST_CASE("lengths beyond the end are refused before anything is allocated") {
    for (const std::uint64_t length :
         {std::uint64_t{9}, std::uint64_t{1} << 32, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
        Bytes bytes = packed(length);
        bytes.resize(16);
        CHECK(is_malformed<std::string>(bytes));
        CHECK(is_malformed<std::vector<std::uint8_t>>(bytes));
        CHECK(is_malformed<std::vector<std::uint64_t>>(bytes));
        CHECK(is_malformed<std::vector<bool>>(bytes));
        CHECK(is_malformed<std::vector<std::string>>(bytes));
        CHECK(is_malformed<std::vector<Private>>(bytes));
        CHECK(is_malformed<std::vector<Empty>>(bytes));
        CHECK(is_malformed<std::list<Cache64>>(bytes));
        CHECK(is_malformed<std::map<std::string, std::string>>(bytes));
        CHECK(is_malformed<std::set<std::uint8_t>>(bytes));
        CHECK(is_malformed<std::bitset<12>>(bytes));
    }
}

TEST_CASE("containers grow as their items arrive") {
    Bytes bytes = packed(std::uint64_t{10'000});
    bytes.resize(8 + 10'000);
    allocated_max = 0;
    CHECK(is_malformed<std::vector<Hundred, CountingAllocator<Hundred>>>(bytes));
    CHECK(allocated_max >= 100 * sizeof(Hundred));
    CHECK(allocated_max <= 2 * 100 * sizeof(Hundred));

    allocated_max = 0;
    CHECK(is_malformed<std::vector<std::string, CountingAllocator<std::string>>>(
        std::span{bytes}.first(8 + 1'000)));
    CHECK(is_malformed<std::vector<std::uint16_t, CountingAllocator<std::uint16_t>>>(bytes));
    CHECK(allocated_max == 0);
}

TEST_CASE("nesting ends at 64 levels, on both sides") {
    // A tree and the vector in it are a level each.
    const auto nested = [](unsigned levels) {
        Tree tree;
        for (unsigned i = 2; i < levels; i += 2) tree.children = {std::exchange(tree, {})};
        return tree;
    };
    check_round_trip(nested(64));
    CHECK_THROWS_AS(Message::pack(nested(66)), braid::StreamError);

    Bytes bytes;
    for (unsigned i = 0; i < 100'000; ++i) {
        const auto one = bytes_of({1, 0, 0, 0, 0, 0, 0, 0});
        bytes.insert(bytes.end(), one.begin(), one.end());
    }
    CHECK(is_malformed<Tree>(bytes));
}

TEST_CASE("a container of items without bytes is refused where it is packed") {
    CHECK_THROWS_AS(Message::pack(std::vector<Empty>(3)), braid::StreamError);
    check_round_trip(std::vector<Empty>{});
}
