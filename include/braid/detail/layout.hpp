#pragma once

// What is known of a type's bytes at compile time, and why some types have none.

#include <braid/detail/form.hpp>
#include <braid/detail/functions.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace braid {
class Packer;
class Unpacker;
}  // namespace braid

namespace braid::detail {

inline constexpr std::size_t variable_size = static_cast<std::size_t>(-1);

template <typename A, typename T>
consteval Form form_of() {
    if constexpr (pack_as_bytes<T>) return Form::bytes;
    constexpr Form own = own_form<T>();
    if constexpr (own == Form::unknown) {
        // A save() alone must not be answered by unpacking the members, nor a load() by packing
        // them.
        using Other = std::conditional_t<std::is_same_v<A, Packer>, Unpacker, Packer>;
        if constexpr (way_of<A, T>() != Way::none || way_of<Other, T>() != Way::none) {
            return Form::functions;
        } else if constexpr (std::is_aggregate_v<T> && !std::is_union_v<T> &&
                             member_count<T> <= members_max) {
            return Form::members;
        } else {
            return Form::unknown;
        }
    } else if constexpr (own == Form::sequence || own == Form::map || own == Form::set ||
                         own == Form::view) {
        return brings_functions<T>() ? Form::functions : own;
    } else {
        return own;
    }
}

// The bytes of a T if all have the same number, and of the shortest T.
struct Sizes {
    std::size_t fixed;
    std::size_t min;
};

template <typename T>
consteval Sizes sizes();

template <typename... T>
consteval Sizes sum_of_sizes(TypeList<T...>) {
    Sizes sum{0, 0};
    for (const Sizes part : {Sizes{0, 0}, sizes<T>()...}) {
        const bool variable = sum.fixed == variable_size || part.fixed == variable_size;
        sum.fixed = variable ? variable_size : sum.fixed + part.fixed;
        sum.min += part.min;
    }
    return sum;
}

template <typename... T>
TypeList<std::remove_cv_t<T>...> element_types(const std::tuple<T...>&);
template <typename First, typename Second>
TypeList<std::remove_cv_t<First>, std::remove_cv_t<Second>> element_types(
    const std::pair<First, Second>&);

template <typename T>
struct ArrayItem;
template <typename T, std::size_t N>
struct ArrayItem<T[N]> {
    using type = T;
    static constexpr std::size_t count = N;
};
template <typename T, std::size_t N>
struct ArrayItem<std::array<T, N>> : ArrayItem<T[N]> {};
template <typename T>
struct ArrayItem<std::array<T, 0>> {
    using type = T;
    static constexpr std::size_t count = 0;
};

template <typename T>
consteval Sizes sizes() {
    constexpr Form form = form_of<Packer, T>();
    if constexpr (form == Form::bytes || form == Form::number || form == Form::enumeration ||
                  form == Form::boolean) {
        return {sizeof(T), sizeof(T)};
    } else if constexpr (form == Form::array) {
        constexpr Sizes item = sizes<typename ArrayItem<T>::type>();
        constexpr std::size_t count = ArrayItem<T>::count;
        return {item.fixed == variable_size ? variable_size : item.fixed * count, item.min * count};
    } else if constexpr (form == Form::tuple) {
        return sum_of_sizes(decltype(element_types(std::declval<const T&>())){});
    } else if constexpr (form == Form::members) {
        return sum_of_sizes(MemberTypes<T>{});
    } else if constexpr (form == Form::duration) {
        constexpr bool floating = std::is_floating_point_v<typename T::rep>;
        constexpr std::size_t size = floating ? sizeof(typename T::rep) : sizeof(std::int64_t);
        return {size, size};
    } else if constexpr (form == Form::time_point) {
        return sizes<typename T::duration>();
    } else if constexpr (form == Form::variant) {
        return {variable_size, 4};
    } else if constexpr (form == Form::optional || form == Form::functions) {
        return {variable_size, 1};
    } else {
        return {variable_size, 8};
    }
}

template <typename T>
inline constexpr std::size_t fixed_size = sizes<T>().fixed;

// An enum whose underlying type is written down can hold any value of it; to others, a value
// beyond their enumerators is undefined.
template <typename T>
concept FixedEnum = std::is_enum_v<T> && requires {
    T{0};
};

template <typename... T>
consteval bool all_raw(TypeList<T...>);

/// Whether the bytes of a T in memory are its bytes in a message, and any such bytes are a T.
template <typename T>
consteval bool is_raw() {
    constexpr Form form = form_of<Packer, T>();
    if constexpr (std::endian::native != std::endian::little || std::is_same_v<T, long double>) {
        return false;
    } else if constexpr (form == Form::bytes || form == Form::number) {
        return true;
    } else if constexpr (form == Form::enumeration) {
        return FixedEnum<T> && !std::is_same_v<std::underlying_type_t<T>, bool>;
    } else if constexpr (form == Form::array) {
        return fixed_size<T> == sizeof(T) && is_raw<typename ArrayItem<T>::type>();
    } else if constexpr (form == Form::members && std::is_trivially_copyable_v<T>) {
        return fixed_size<T> == sizeof(T) && all_raw(MemberTypes<T>{});
    } else {
        return false;
    }
}

template <typename... T>
consteval bool all_raw(TypeList<T...>) {
    return (is_raw<T>() && ...);
}

template <typename T>
concept RawContiguous = is_raw<typename T::value_type>() && requires(T& items) {
    items.data();
};

// What stops a type at compile time, in the author's words.
template <typename A, typename T>
consteval void check() {
    constexpr Form form = form_of<A, T>();
    static_assert(form != Form::unknown,
                  "braid cannot pack this type: give it `template <class A> void serialize(A& ar) "
                  "{ ar(first, second); }`, or make it a struct of at most 16 public members "
                  "without base classes, or include its <cereal/types/...> header");
    static_assert(form != Form::pointer,
                  "braid packs no pointers: send the value, an optional or a variant");
    static_assert(!std::is_same_v<T, long double> && !std::is_same_v<T, wchar_t>,
                  "the size of this type depends on the machine: use another");
    static_assert(!std::is_enum_v<T> || FixedEnum<T>,
                  "give the enum an underlying type: enum Colour : std::uint8_t { ... };");
    if constexpr (form == Form::bytes) {
        static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>,
                      "pack_as_bytes is for trivially copyable types");
        static_assert(std::endian::native == std::endian::little,
                      "pack_as_bytes needs a little-endian machine: use serialize()");
    }
    if constexpr (form == Form::functions) {
        static_assert(way_of<A, T>() != Way::ambiguous,
                      "several of serialize, save and load exist (one may be inherited): choose "
                      "with CEREAL_SPECIALIZE_FOR_ALL_ARCHIVES");
        static_assert(way_of<A, T>() != Way::versioned,
                      "braid does not pack class versions: make the version a member");
        static_assert(way_of<A, T>() != Way::none,
                      "braid finds save() without load(), or the other way round");
    }
}

}  // namespace braid::detail
