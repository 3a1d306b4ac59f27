// Any bytes are a value or malformed; a value that comes out goes in and out again unchanged.

#include <braid/serialize.hpp>

#include <algorithm>
#include <cstdlib>
#include <list>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace {

enum class Kind : std::uint16_t { one, two };

struct Item {
    std::uint32_t id = 0;
    Kind kind = Kind::one;
    bool used = false;
};

struct Tree {
    std::uint8_t label = 0;
    std::vector<Tree> children;
};

class Private {
    friend class cereal::access;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(number_, text_);
    }

    std::int16_t number_ = 0;
    std::string text_;
};

struct Everything {
    std::optional<std::string> text;
    std::variant<std::monostate, std::uint8_t, std::vector<std::uint32_t>, Private> variant;
    std::map<std::string, std::vector<Item>> items;
    std::set<std::int16_t> numbers;
    std::list<std::pair<bool, std::array<std::uint8_t, 3>>> pairs;
    std::vector<bool> flags;
    std::chrono::duration<std::int32_t> duration{};
    Tree tree;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Everything value;
    try {
        braid::unpack_into(value, std::as_bytes(std::span{data, size}));
    } catch (const braid::StreamError& error) {
        if (error.code() != braid::errc::message_malformed) std::abort();
        return 0;
    }
    // Keys that came twice or out of order are gone after the first time.
    const auto once = braid::Message::pack(value);
    const auto twice = braid::Message::pack(once.unpack<Everything>());
    if (once.size() > size || !std::ranges::equal(once.bytes(), twice.bytes())) std::abort();
    return 0;
}
