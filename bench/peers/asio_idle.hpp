#pragma once

#include "harness/idle_crowd.hpp"

namespace bench {

/// The control: a socket and a coroutine for each connection that waits until something can be
/// read.
IdlePeer asio_idle();

}  // namespace bench
