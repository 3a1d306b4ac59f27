#pragma once

#include <braid/detail/form.hpp>
#include <braid/error.hpp>
#include <braid/export.hpp>
#include <braid/message.hpp>

#include <cereal/access.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

// The values that streams carry, to and from bytes. The only file that knows cereal.
//
// What can be packed: numbers, bool, enums, strings, the containers of the standard library,
// optional, variant, tuple, pair, array, chrono, plain structs of up to 16 of these (no base
// classes, no C arrays), whatever brings functions after cereal's conventions (a member
// `template <class A> void serialize(A& ar) { ar(x, y); }`, free ones, save and load, the minimal
// ones, private ones with `friend class cereal::access`), and what <cereal/types/...> adds. The
// standard types above need no such header. Class versions, pointers, long double and wchar_t do
// not compile.
//
// The layout is that of Rust's bincode 1 ("legacy") with its default options: little-endian, fixed
// width; bool one byte; strings, sequences, maps and sets a 64-bit count and the items; optional
// one byte, 0 or 1, and the value; variant 32 bits of index and the value; arrays, tuples and
// structs their parts with nothing between. Ours to choose were: an enum is its underlying type;
// char is one byte, char32_t four; a duration is a 64-bit count of its own period (of a floating
// one: that), a time point the duration since its clock's epoch. `long` is as wide as the machine
// has it: prefer std::int64_t.
//
// Bytes received are hostile until proven otherwise: a count beyond what is left is refused before
// anything is allocated, containers grow as their items arrive, nesting ends at 64 levels, bool
// and optional are 0 or 1, an item of a container is at least one byte, and a message must be used
// up to its last byte (bincode lets a rest pass; we do not, it hides mistakes). An enum may hold
// any value of its underlying type: a switch over one needs a default.

namespace cereal {
template <class Base>
struct base_class;
template <class Base>
struct virtual_base_class;
}  // namespace cereal

namespace braid {

/// How deep containers and structs may lie in one another.
inline constexpr unsigned nesting_max = 64;

/// The bytes that `value` takes in a message.
template <typename T>
std::size_t packed_size(const T& value);

/// Packs `value` into `out` if it fits; if not, what `out` then holds means nothing.
/// @returns packed_size(value): more than out.size() says that it did not fit
template <typename T>
std::size_t pack_into(const T& value, std::span<std::byte> out);

/// The value that `bytes` hold.
/// @throws StreamError (errc::message_malformed) if they are no T
template <typename T>
T unpack(std::span<const std::byte> bytes);

/// The same into a value that exists already, whose memory is reused where possible. After an
/// error its content is valid but unspecified.
template <typename T>
void unpack_into(T& value, std::span<const std::byte> bytes);

/// The archive that cereal's functions see when a value is packed. Counts on when its memory is
/// full, so that one pass tells the size if the guess was too small.
class Packer : private cereal::access {  // makes namespace cereal one of its own for name look-up
public:
    /// By which functions know whether they save or load.
    using is_saving = std::true_type;
    using is_loading = std::false_type;

    /// Only counts.
    Packer() noexcept = default;
    explicit Packer(std::span<std::byte> out) noexcept : next_{out.data()}, left_{out.size()} {}

    /// Packs all that is given, in this order.
    template <typename... T>
    Packer& operator()(const T&... values) {
        (pack(values), ...);
        return *this;
    }
    template <typename T>
    Packer& operator&(const T& value) {
        return (*this)(value);
    }
    template <typename T>
    Packer& operator<<(const T& value) {
        return (*this)(value);
    }

    /// The bytes as they are, without a count.
    void append(const void* data, std::size_t size) noexcept {
        size_ += size;
        if (size > left_) {
            left_ = 0;
            return;
        }
        if (size != 0) std::memcpy(next_, data, size);
        next_ += size;
        left_ -= size;
    }

    /// The bytes packed so far, whether they fitted or not.
    std::size_t size() const noexcept { return size_; }

private:
    template <typename T>
    void pack(const T& value);
    template <typename T>
    void pack_parts(const T& value);
    template <typename T>
    void pack_items(const T& items);
    template <typename T>
    void pack_number(T number) noexcept;

    template <typename T>
    void pack(const cereal::NameValuePair<T>& pair) {
        pack(pair.value);
    }
    template <typename T>
    void pack(const cereal::SizeTag<T>& tag) {
        pack_number(static_cast<std::uint64_t>(tag.size));
    }
    template <typename T>
    void pack(const cereal::BinaryData<T>& data) {
        append(data.data, static_cast<std::size_t>(data.size));
    }
    template <typename T>
    void pack(const cereal::base_class<T>& base) {
        pack(*base.base_ptr);
    }
    template <typename T>
    void pack(const cereal::virtual_base_class<T>& base) {
        pack(*base.base_ptr);
    }

    std::byte* next_ = nullptr;
    std::size_t left_ = 0;
    std::size_t size_ = 0;
    unsigned nesting_ = 0;
};

/// The archive that cereal's functions see when a value is unpacked.
class Unpacker : private cereal::access {
public:
    /// By which functions know whether they save or load.
    using is_saving = std::false_type;
    using is_loading = std::true_type;

    /// Reads where the bytes lie: they must outlive it.
    explicit Unpacker(std::span<const std::byte> bytes) noexcept
        : next_{bytes.data()}, left_{bytes.size()} {}

    /// Unpacks into all that is given, in this order.
    template <typename... T>
    Unpacker& operator()(T&&... values) {
        (unpack(values), ...);
        return *this;
    }
    template <typename T>
    Unpacker& operator&(T&& value) {
        return (*this)(value);
    }
    template <typename T>
    Unpacker& operator>>(T&& value) {
        return (*this)(value);
    }

    /// @throws StreamError (errc::message_malformed) if there are fewer bytes
    void read(void* data, std::size_t size);

    /// The bytes not used yet.
    std::size_t left() const noexcept { return left_; }

private:
    template <typename T>
    void unpack(T& value);
    template <typename T>
    void unpack_parts(T& value);
    template <typename T>
    void unpack_sequence(T& items);
    template <typename T>
    void unpack_keys(T& items);
    template <typename T>
    void unpack_variant(T& value);
    template <typename T>
    void unpack_duration(T& value);
    template <typename T>
    T unpack_number();
    std::size_t unpack_count(std::size_t item_bytes_min);

    template <typename T>
    void unpack(cereal::NameValuePair<T>& pair) {
        unpack(pair.value);
    }
    template <typename T>
    void unpack(cereal::SizeTag<T>& tag) {
        tag.size = unpack_count(1);
    }
    template <typename T>
    void unpack(cereal::BinaryData<T>& data) {
        read(data.data, static_cast<std::size_t>(data.size));
    }
    template <typename T>
    void unpack(cereal::base_class<T>& base) {
        unpack(*base.base_ptr);
    }
    template <typename T>
    void unpack(cereal::virtual_base_class<T>& base) {
        unpack(*base.base_ptr);
    }

    const std::byte* next_;
    std::size_t left_;
    unsigned nesting_ = 0;
};

}  // namespace braid

#include <braid/detail/packing.hpp>
