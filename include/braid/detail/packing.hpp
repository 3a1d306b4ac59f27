#pragma once

// The second half of <braid/serialize.hpp>, which includes it.

#include <braid/detail/layout.hpp>
#include <braid/serialize.hpp>

namespace braid::detail {

/// Reserved for a container before its items have arrived.
inline constexpr std::size_t reserved_bytes_max = 64u << 10;

/// @throws StreamError (errc::message_malformed)
[[noreturn]] BRAID_API void throw_malformed(const char* why);

// What send("text") and send(buffer) mean.
template <typename T>
decltype(auto) whole_value(const T& value) {
    if constexpr (std::is_array_v<T> && std::is_same_v<std::remove_extent_t<T>, char>) {
        const char* const end = std::find(std::begin(value), std::end(value), '\0');
        return std::string_view{value, static_cast<std::size_t>(end - value)};
    } else {
        return (value);
    }
}

template <typename T>
void unpack_whole(T& value, std::span<const std::byte> bytes) {
    if constexpr (is_raw<T>()) {
        if (bytes.size() != sizeof(T)) throw_malformed("not of this type's size");
        std::memcpy(std::addressof(value), bytes.data(), sizeof(T));
    } else {
        try {
            Unpacker unpacker{bytes};
            unpacker(value);
            if (unpacker.left() != 0) throw_malformed("longer than this type");
        } catch (const cereal::Exception& error) {
            throw_malformed(error.what());
        }
    }
}

}  // namespace braid::detail

namespace braid {

template <typename T>
std::size_t packed_size(const T& value) {
    if constexpr (!std::is_array_v<T> && detail::fixed_size<T> != detail::variable_size) {
        return detail::fixed_size<T>;
    } else {
        Packer packer;
        packer(detail::whole_value(value));
        return packer.size();
    }
}

template <typename T>
std::size_t pack_into(const T& value, std::span<std::byte> out) {
    if constexpr (detail::is_raw<T>() && !std::is_array_v<T>) {
        detail::check<Packer, T>();
        if (out.size() >= sizeof(T)) std::memcpy(out.data(), std::addressof(value), sizeof(T));
        return sizeof(T);
    } else {
        Packer packer{out};
        packer(detail::whole_value(value));
        return packer.size();
    }
}

template <typename T>
T unpack(std::span<const std::byte> bytes) {
    T value{};
    detail::unpack_whole(value, bytes);
    return value;
}

template <typename T>
void unpack_into(T& value, std::span<const std::byte> bytes) {
    detail::unpack_whole(value, bytes);
}

template <typename T>
Message Message::pack(const T& value) {
    // Small values are packed once, and allocated when their size is known.
    std::array<std::byte, 256> small;
    const std::size_t size = pack_into(value, small);
    if (size <= small.size()) return Message{std::span<const std::byte>{small.data(), size}};

    detail::MessageBuffer buffer{size};
    if (pack_into(value, {buffer.extend(size), size}) != size) {
        detail::throw_malformed("serialize() packed different bytes the second time");
    }
    return std::move(buffer).freeze();
}

template <typename T>
T Message::unpack() const {
    return braid::unpack<T>(bytes());
}

template <typename T>
void Packer::pack_number(T number) noexcept {
    auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(number);
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes.begin(), bytes.end());
    append(bytes.data(), bytes.size());
}

template <typename T>
void Packer::pack(const T& value) {
    using detail::Form;
    detail::check<Packer, T>();
    constexpr Form form = detail::form_of<Packer, T>();
    if constexpr (detail::is_raw<T>()) {
        append(std::addressof(value), sizeof(T));
    } else if constexpr (form == Form::boolean) {
        pack_number(static_cast<std::uint8_t>(value ? 1 : 0));
    } else if constexpr (form == Form::number) {
        pack_number(value);
    } else if constexpr (form == Form::enumeration) {
        pack(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (form == Form::text) {
        pack(std::string_view{value});
    } else {
        if (++nesting_ > nesting_max) detail::throw_malformed("nested too deep");
        pack_parts(value);
        --nesting_;
    }
}

template <typename T>
void Packer::pack_parts(const T& value) {
    using detail::Form;
    constexpr Form form = detail::form_of<Packer, T>();
    if constexpr (form == Form::functions) {
        detail::save_by<detail::way_of<Packer, T>()>(*this, value);
    } else if constexpr (form == Form::array) {
        for (const auto& item : value) pack(item);
    } else if constexpr (form == Form::optional) {
        pack(value.has_value());
        if (value) pack(*value);
    } else if constexpr (form == Form::variant) {
        if (value.valueless_by_exception()) detail::throw_malformed("a variant without a value");
        pack_number(static_cast<std::uint32_t>(value.index()));
        std::visit([this](const auto& alternative) { this->pack(alternative); }, value);
    } else if constexpr (form == Form::tuple) {
        std::apply([this](const auto&... parts) { (this->pack(parts), ...); }, value);
    } else if constexpr (form == Form::duration) {
        using Rep = typename T::rep;
        using Count = std::conditional_t<std::is_floating_point_v<Rep>, Rep, std::int64_t>;
        pack(static_cast<Count>(value.count()));
    } else if constexpr (form == Form::time_point) {
        pack(value.time_since_epoch());
    } else if constexpr (form == Form::members) {
        detail::with_members(value, [this](const auto&... parts) { (this->pack(parts), ...); });
    } else if constexpr (form != Form::unknown && form != Form::pointer) {
        pack_items(value);
    }
}

template <typename T>
void Packer::pack_items(const T& items) {
    using detail::Form;
    const std::size_t count = items.size();
    pack_number(static_cast<std::uint64_t>(count));
    const std::size_t begin = size_;
    if constexpr (detail::RawContiguous<T>) {
        append(items.data(), count * sizeof(typename T::value_type));
    } else if constexpr (detail::form_of<Packer, T>() == Form::map) {
        for (const auto& [key, mapped] : items) {
            pack(key);
            pack(mapped);
        }
    } else {
        for (const auto& item : items) pack(item);
    }
    if (size_ - begin < count) detail::throw_malformed("the items of a container are empty");
}

inline void Unpacker::read(void* data, std::size_t size) {
    if (size > left_) detail::throw_malformed("shorter than this type");
    if (size != 0) std::memcpy(data, next_, size);
    next_ += size;
    left_ -= size;
}

template <typename T>
T Unpacker::unpack_number() {
    std::array<std::byte, sizeof(T)> bytes;
    read(bytes.data(), bytes.size());
    if constexpr (std::endian::native == std::endian::big) std::reverse(bytes.begin(), bytes.end());
    return std::bit_cast<T>(bytes);
}

inline std::size_t Unpacker::unpack_count(std::size_t item_bytes_min) {
    const auto count = unpack_number<std::uint64_t>();
    if (count > left_ / std::max<std::size_t>(item_bytes_min, 1)) {
        detail::throw_malformed("a length beyond the end");
    }
    return static_cast<std::size_t>(count);
}

template <typename T>
void Unpacker::unpack(T& value) {
    using detail::Form;
    detail::check<Unpacker, T>();
    constexpr Form form = detail::form_of<Unpacker, T>();
    static_assert(form != Form::text && form != Form::view,
                  "views of text or items can be packed, but not unpacked: use std::string, "
                  "std::vector");
    if constexpr (detail::is_raw<T>()) {
        read(std::addressof(value), sizeof(T));
    } else if constexpr (form == Form::boolean) {
        const auto byte = unpack_number<std::uint8_t>();
        if (byte > 1) detail::throw_malformed("a bool that is neither 0 nor 1");
        value = byte == 1;
    } else if constexpr (form == Form::number) {
        value = unpack_number<T>();
    } else if constexpr (form == Form::enumeration) {
        std::underlying_type_t<T> underlying;
        unpack(underlying);
        value = static_cast<T>(underlying);
    } else {
        if (++nesting_ > nesting_max) detail::throw_malformed("nested too deep");
        unpack_parts(value);
        --nesting_;
    }
}

template <typename T>
void Unpacker::unpack_parts(T& value) {
    using detail::Form;
    constexpr Form form = detail::form_of<Unpacker, T>();
    if constexpr (form == Form::functions) {
        detail::load_by<detail::way_of<Unpacker, T>(), Packer>(*this, value);
    } else if constexpr (form == Form::array) {
        for (auto& item : value) unpack(item);
    } else if constexpr (form == Form::optional) {
        bool present;
        unpack(present);
        if (present) {
            unpack(value.emplace());
        } else {
            value.reset();
        }
    } else if constexpr (form == Form::variant) {
        unpack_variant(value);
    } else if constexpr (form == Form::tuple) {
        std::apply([this](auto&... parts) { (this->unpack(parts), ...); }, value);
    } else if constexpr (form == Form::duration) {
        unpack_duration(value);
    } else if constexpr (form == Form::time_point) {
        typename T::duration since_epoch{};
        unpack(since_epoch);
        value = T{since_epoch};
    } else if constexpr (form == Form::members) {
        detail::with_members(value, [this](auto&... parts) { (this->unpack(parts), ...); });
    } else if constexpr (form == Form::sequence) {
        unpack_sequence(value);
    } else if constexpr (form == Form::map || form == Form::set) {
        unpack_keys(value);
    }
}

template <typename T>
void Unpacker::unpack_sequence(T& items) {
    using Item = typename T::value_type;
    const std::size_t count = unpack_count(detail::sizes<Item>().min);
    if constexpr (detail::RawContiguous<T> && requires { items.resize(count); }) {
        items.resize(count);
        read(items.data(), count * sizeof(Item));
    } else {
        items.clear();
        if constexpr (requires { items.reserve(count); }) {
            items.reserve(std::min(count, detail::reserved_bytes_max / sizeof(Item)));
        }
        for (std::size_t i = 0; i < count; ++i) {
            if constexpr (std::is_same_v<Item, bool>) {
                bool item;
                unpack(item);
                items.push_back(item);
            } else {
                unpack(items.emplace_back());
            }
        }
    }
}

template <typename T>
void Unpacker::unpack_keys(T& items) {
    using Key = typename T::key_type;
    std::size_t count = unpack_count(detail::sizes<Key>().min);
    items.clear();
    for (; count != 0; --count) {
        Key key{};
        unpack(key);
        if constexpr (requires { typename T::mapped_type; }) {
            typename T::mapped_type mapped{};
            unpack(mapped);
            items.emplace_hint(items.end(), std::move(key), std::move(mapped));
        } else {
            items.emplace_hint(items.end(), std::move(key));
        }
    }
}

template <typename T>
void Unpacker::unpack_variant(T& value) {
    const auto index = unpack_number<std::uint32_t>();
    const auto unpack_if_index = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
        if (I == index) this->unpack(value.template emplace<I>());
        return I == index;
    };
    const bool found = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (unpack_if_index(std::integral_constant<std::size_t, I>{}) || ...);
    }
    (std::make_index_sequence<std::variant_size_v<T>>{});
    if (!found) detail::throw_malformed("a variant has no alternative of this index");
}

template <typename T>
void Unpacker::unpack_duration(T& value) {
    using Rep = typename T::rep;
    if constexpr (std::is_floating_point_v<Rep>) {
        value = T{unpack_number<Rep>()};
    } else {
        const auto count = unpack_number<std::int64_t>();
        if (!std::in_range<Rep>(count)) detail::throw_malformed("a duration out of range");
        value = T{static_cast<Rep>(count)};
    }
}

}  // namespace braid
