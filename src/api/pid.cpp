#include <braid/pid.hpp>

#include <cassert>

namespace braid {
namespace {

constexpr unsigned sixlets = 6;
constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static_assert(sizeof(alphabet) == 64 + 1);

}  // namespace

Pid Pid::numbered(unsigned letter) noexcept {
    assert(letter < 64);
    std::uint64_t low = 0;
    for (unsigned i = 0; i < sixlets; ++i) low |= std::uint64_t{letter & 63} << (6 * i);

    Pid pid;
    for (unsigned i = 0; i < 8; ++i) pid.bytes[i] = static_cast<std::uint8_t>(low >> (8 * i));
    return pid;
}

std::string to_string(const Pid& pid) {
    std::uint64_t low = 0;
    for (unsigned i = 0; i < 8; ++i) low |= std::uint64_t{pid.bytes[i]} << (8 * i);

    std::string text;
    for (unsigned i = 0; i < sixlets; ++i) text += alphabet[(low >> (6 * i)) & 63];
    return text;
}

}  // namespace braid
