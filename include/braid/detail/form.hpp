#pragma once

#include <braid/detail/members.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace braid {

/// Opt-in for a trivially copyable type without padding, pointers, bools and plain (not fixed)
/// enums: it is packed as its bytes lie in memory, on little-endian machines. Plain structs that
/// qualify need no opt-in; this is for C arrays inside, constructors, and more than 16 members.
template <typename T>
inline constexpr bool pack_as_bytes = false;

}  // namespace braid

/// How a type is laid out in a message, decided from the type alone.
namespace braid::detail {

enum class Form {
    bytes,        // as it lies in memory, on request
    boolean,      // 1 byte, 0 or 1
    number,       // fixed width
    enumeration,  // as its underlying type
    text,         // const char*, as a string
    pointer,      // refused
    functions,    // the type's own serialize(), save() and load(), ...
    array,        // the items
    sequence,     // length, items
    map,          // length, keys with values
    set,          // length, keys
    view,         // as a sequence; cannot be unpacked
    optional,     // 1 byte, then the value
    variant,      // 4 bytes of index, then the value
    tuple,        // the elements
    duration,     // the count, 8 bytes if it is an integer
    time_point,   // the duration since the epoch
    members,      // a plain struct: its members
    unknown,
};

template <typename T>
inline constexpr bool is_std_array = false;
template <typename T, std::size_t N>
inline constexpr bool is_std_array<std::array<T, N>> = true;

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <typename T>
inline constexpr bool is_variant = false;
template <typename... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

template <typename T>
inline constexpr bool is_tuple = false;
template <typename... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <typename First, typename Second>
inline constexpr bool is_tuple<std::pair<First, Second>> = true;

template <typename T>
inline constexpr bool is_duration = false;
template <typename Rep, typename Period>
inline constexpr bool is_duration<std::chrono::duration<Rep, Period>> = true;

template <typename T>
inline constexpr bool is_time_point = false;
template <typename Clock, typename Duration>
inline constexpr bool is_time_point<std::chrono::time_point<Clock, Duration>> = true;

template <typename T>
inline constexpr bool is_smart_pointer = false;
template <typename T, typename Deleter>
inline constexpr bool is_smart_pointer<std::unique_ptr<T, Deleter>> = true;
template <typename T>
inline constexpr bool is_smart_pointer<std::shared_ptr<T>> = true;
template <typename T>
inline constexpr bool is_smart_pointer<std::weak_ptr<T>> = true;

template <typename T>
concept Range = requires(const T& range) {
    typename T::value_type;
    range.begin() != range.end();
    { range.size() } -> std::convertible_to<std::size_t>;
};

template <typename T>
concept Container = Range<T> && requires(T& container) {
    container.clear();
};

/// The form of a type that brings no functions of its own.
template <typename T>
consteval Form own_form() {
    if constexpr (std::is_same_v<T, bool>)
        return Form::boolean;
    else if constexpr (std::is_arithmetic_v<T>)
        return Form::number;
    else if constexpr (std::is_enum_v<T>)
        return Form::enumeration;
    else if constexpr (std::is_pointer_v<T>) {
        return std::is_same_v<std::remove_const_t<std::remove_pointer_t<T>>, char> ? Form::text
                                                                                   : Form::pointer;
    } else if constexpr (std::is_member_pointer_v<T> || is_smart_pointer<T>)
        return Form::pointer;
    else if constexpr (std::is_array_v<T> || is_std_array<T>)
        return Form::array;
    else if constexpr (is_optional<T>)
        return Form::optional;
    else if constexpr (is_variant<T>)
        return Form::variant;
    else if constexpr (is_tuple<T>)
        return Form::tuple;
    else if constexpr (is_duration<T>)
        return Form::duration;
    else if constexpr (is_time_point<T>)
        return Form::time_point;
    else if constexpr (Container<T>) {
        if constexpr (requires { typename T::mapped_type; })
            return Form::map;
        else if constexpr (requires { typename T::key_type; })
            return Form::set;
        else
            return Form::sequence;
    } else if constexpr (Range<T> && std::is_trivially_copyable_v<T>)
        return Form::view;
    else if constexpr (std::is_same_v<T, std::monostate>)
        return Form::members;
    else
        return Form::unknown;
}

}  // namespace braid::detail
