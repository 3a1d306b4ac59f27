#pragma once

#include "harness/mixed.hpp"

#include <string>

namespace bench {

/// One TCP connection with a congestion control of the kernel's ("cubic", "bbr"), as a careful
/// program uses it: what is due goes before the bulk, of which no more than TCP_NOTSENT_LOWAT waits
/// in the kernel. All of it is reliable and ordered.
MixedPeer tcp_mixed(const std::string& congestion_control);

}  // namespace bench
