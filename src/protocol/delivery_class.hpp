#pragma once

#include <braid/promises.hpp>

#include <cstdint>

namespace braid::protocol {

/// What `ordered` and `guaranteed_delivery` come to (docs/promises.md).
enum class DeliveryClass : std::uint8_t {
    unreliable,          ///< at most once, any order
    sequenced,           ///< at most once, never an older one after a newer one
    guaranteed,          ///< exactly once, any order
    guaranteed_ordered,  ///< exactly once, in the order sent
};

constexpr DeliveryClass delivery_class(Promises promises) noexcept {
    const bool ordered = covers(promises, Promises::ordered);
    if (covers(promises, Promises::guaranteed_delivery)) {
        return ordered ? DeliveryClass::guaranteed_ordered : DeliveryClass::guaranteed;
    }
    return ordered ? DeliveryClass::sequenced : DeliveryClass::unreliable;
}

constexpr bool is_guaranteed(DeliveryClass delivery) noexcept {
    return delivery >= DeliveryClass::guaranteed;
}

}  // namespace braid::protocol
