#pragma once

#include <braid/limits.hpp>

namespace braid::runtime {

/// @throws NetworkError (errc::options_invalid), whose text names the field, what it is and what it
///         may be
void check(const Limits& limits);

}  // namespace braid::runtime
