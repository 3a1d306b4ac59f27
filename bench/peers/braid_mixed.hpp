#pragma once

#include "harness/mixed.hpp"

#include <string>

namespace bench {

/// braid with a stream for each flow and one, of the lowest priority, for the bulk.
/// @param scheme "udp" or "tcp"
MixedPeer braid_mixed(const std::string& scheme);

}  // namespace bench
