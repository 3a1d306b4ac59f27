#pragma once

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>

// The members of plain structs (aggregates) without a word from their author: counted by what
// braces accept, reached by structured bindings. The way is Boost.PFR's (Antony Polukhin).
namespace braid::detail {

inline constexpr std::size_t members_max = 16;

template <typename... T>
struct TypeList {};

// Stands for any member and is never run; clang wants a definition when a member's own templated
// constructor takes it.
struct AnyMember {
    template <typename T>
    operator T() const {
        std::abort();
    }
};

template <typename T, std::size_t... I>
consteval bool takes_members(std::index_sequence<I...>) {
    return requires { T{(static_cast<void>(I), AnyMember{})...}; };
}

template <typename T, std::size_t N>
consteval std::size_t count_members() {
    if constexpr (N == 0 || takes_members<T>(std::make_index_sequence<N>{})) {
        return N;
    } else {
        return count_members<T, N - 1>();
    }
}

/// The number of members of an aggregate without C arrays and base classes; members_max + 1 if
/// there are more.
template <typename T>
inline constexpr std::size_t member_count = std::is_empty_v<T>
                                                ? 0
                                                : count_members<T, members_max + 1>();

// clang-format off
#define BRAID_BIND(count, ...) \
    else if constexpr (member_count<std::remove_const_t<T>> == count) { \
        auto& [__VA_ARGS__] = value; \
        return visit(__VA_ARGS__); \
    }

/// Calls `visit` with all members of an aggregate of at most members_max. An error here says that
/// the struct has a C array or a base class: use std::array, or give it a serialize().
template <typename T, typename Visitor>
constexpr decltype(auto) with_members(T& value, Visitor&& visit) {
    if constexpr (std::is_empty_v<T>) {
        return visit();
    }
    BRAID_BIND(1, a)
    BRAID_BIND(2, a, b)
    BRAID_BIND(3, a, b, c)
    BRAID_BIND(4, a, b, c, d)
    BRAID_BIND(5, a, b, c, d, e)
    BRAID_BIND(6, a, b, c, d, e, f)
    BRAID_BIND(7, a, b, c, d, e, f, g)
    BRAID_BIND(8, a, b, c, d, e, f, g, h)
    BRAID_BIND(9, a, b, c, d, e, f, g, h, i)
    BRAID_BIND(10, a, b, c, d, e, f, g, h, i, j)
    BRAID_BIND(11, a, b, c, d, e, f, g, h, i, j, k)
    BRAID_BIND(12, a, b, c, d, e, f, g, h, i, j, k, l)
    BRAID_BIND(13, a, b, c, d, e, f, g, h, i, j, k, l, m)
    BRAID_BIND(14, a, b, c, d, e, f, g, h, i, j, k, l, m, n)
    BRAID_BIND(15, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)
    BRAID_BIND(16, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)
}
// clang-format on

#undef BRAID_BIND

/// The types of the members, as a TypeList.
template <typename T>
using MemberTypes = decltype(with_members(std::declval<T&>(), [](auto&... members) {
    return TypeList<std::remove_cvref_t<decltype(members)>...>{};
}));

}  // namespace braid::detail
