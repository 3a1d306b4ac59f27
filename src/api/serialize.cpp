#include <braid/serialize.hpp>

namespace braid::detail {

void throw_malformed(const char* why) { throw StreamError{errc::message_malformed, why}; }

}  // namespace braid::detail
