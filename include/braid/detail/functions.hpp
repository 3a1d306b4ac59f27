#pragma once

#include <cereal/access.hpp>

#include <type_traits>
#include <utility>

// Which of cereal's conventions a type follows. cereal's own look-up (cereal.hpp) does the same
// through a base class of the archives that costs several hash tables each and twice the compile
// time of this.
namespace braid::detail {

enum class Way {
    none,
    member_serialize,
    member_split,
    member_minimal,
    free_serialize,
    free_split,
    free_minimal,
    ambiguous,
    versioned,
};

template <typename A, typename T>
consteval bool has(Way way) {
    using cereal::access;
    constexpr bool saving = A::is_saving::value;
    switch (way) {
        case Way::member_serialize:
            return requires(A & ar, T & value) { access::member_serialize(ar, value); };
        case Way::member_split:
            if constexpr (saving) {
                return requires(A & ar, const T& value) { access::member_save(ar, value); };
            } else {
                return requires(A & ar, T & value) { access::member_load(ar, value); };
            }
        case Way::member_minimal:
            return requires(const A& ar, const T& value) {
                access::member_save_minimal(ar, value);
            };
        case Way::free_serialize: return requires(A & ar, T & value) { serialize(ar, value);
            };
        case Way::free_split:
            if constexpr (saving) {
                return requires(A & ar, const T& value) { save(ar, value); };
            } else {
                return requires(A & ar, T & value) { load(ar, value); };
            }
        case Way::free_minimal:
            return requires(const A& ar, const T& value) { save_minimal(ar, value); };
        case Way::versioned:
            return requires(A & ar, T & value) { access::member_serialize(ar, value, 0u); }
            || requires(A & ar, const T& value) { access::member_save(ar, value, 0u); }
            || requires(A & ar, T & value) { access::member_load(ar, value, 0u); };
        default: return false;
    }
}

template <typename A, typename T>
consteval bool specialized(Way way) {
    using enum cereal::specialization;
    constexpr auto chosen = []<cereal::specialization S>() {
        return !std::is_base_of_v<std::false_type, cereal::specialize<A, T, S>>;
    };
    switch (way) {
        case Way::member_serialize: return chosen.template operator()<member_serialize>();
        case Way::member_split: return chosen.template operator()<member_load_save>();
        case Way::member_minimal: return chosen.template operator()<member_load_save_minimal>();
        case Way::free_serialize: return chosen.template operator()<non_member_serialize>();
        case Way::free_split: return chosen.template operator()<non_member_load_save>();
        case Way::free_minimal: return chosen.template operator()<non_member_load_save_minimal>();
        default: return false;
    }
}

/// The way of `T` when the archive is an `A`; cereal::specialize decides where several exist.
template <typename A, typename T>
consteval Way way_of() {
    Way found = Way::none;
    for (const Way way : {Way::member_serialize, Way::member_split, Way::member_minimal,
                          Way::free_serialize, Way::free_split, Way::free_minimal}) {
        if (specialized<A, T>(way)) return way;
        if (has<A, T>(way)) found = found == Way::none ? way : Way::ambiguous;
    }
    if (found == Way::none && has<A, T>(Way::versioned)) return Way::versioned;
    return found;
}

// An archive unknown to cereal: it finds the functions that come with a type, and not the ones
// that <cereal/types/...> has for the types of the standard library.
struct ForeignArchive {
    using is_saving = std::true_type;

    template <typename... T>
    ForeignArchive& operator()(T&&...);
};

template <typename T>
consteval bool brings_functions() {
    return way_of<ForeignArchive, T>() != Way::none;
}

template <Way way, typename A, typename T>
void save_by(A& ar, const T& value) {
    using cereal::access;
    // cereal's convention: serialize() is no const member, and does not change what it saves.
    if constexpr (way == Way::member_serialize) {
        access::member_serialize(ar, const_cast<T&>(value));
    } else if constexpr (way == Way::member_split) {
        access::member_save(ar, value);
    } else if constexpr (way == Way::member_minimal) {
        ar(access::member_save_minimal(std::as_const(ar), value));
    } else if constexpr (way == Way::free_serialize) {
        serialize(ar, const_cast<T&>(value));
    } else if constexpr (way == Way::free_split) {
        save(ar, value);
    } else {
        ar(save_minimal(std::as_const(ar), value));
    }
}

template <Way way, typename Saving, typename A, typename T>
void load_by(A& ar, T& value) {
    using cereal::access;
    if constexpr (way == Way::member_serialize) {
        access::member_serialize(ar, value);
    } else if constexpr (way == Way::member_split) {
        access::member_load(ar, value);
    } else if constexpr (way == Way::member_minimal) {
        std::remove_cvref_t<decltype(access::member_save_minimal(std::declval<const Saving&>(),
                                                                 value))>
            minimal;
        ar(minimal);
        access::member_load_minimal(std::as_const(ar), value, minimal);
    } else if constexpr (way == Way::free_serialize) {
        serialize(ar, value);
    } else if constexpr (way == Way::free_split) {
        load(ar, value);
    } else {
        std::remove_cvref_t<decltype(save_minimal(std::declval<const Saving&>(), value))> minimal;
        ar(minimal);
        load_minimal(std::as_const(ar), value, minimal);
    }
}

}  // namespace braid::detail
