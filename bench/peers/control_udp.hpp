#pragma once

#include "harness/one_way.hpp"

namespace bench {

/// Datagrams of one message each, with sendmmsg and recvmmsg and a window that the receiver opens,
/// so that none is lost: what UDP can do here without segmentation by the kernel.
OneWayPeer udp_one_way();

}  // namespace bench
