#include "runtime/entropy.hpp"

#include <braid/pid.hpp>

#include <span>

namespace braid {

Pid Pid::random() {
    Pid pid;
    runtime::SystemEntropy{}.fill(std::as_writable_bytes(std::span{pid.bytes}));
    return pid;
}

}  // namespace braid
