#include "runtime/cork.hpp"

#include <braid/cork.hpp>

#include <cassert>

namespace braid {

Cork::Cork() noexcept : thread_{&runtime::HeldFlushes::of_this_thread()} {
    runtime::HeldFlushes::of_this_thread().begin();
}

Cork::~Cork() {
    auto& held = runtime::HeldFlushes::of_this_thread();
    assert(thread_ == &held && "a Cork ends on the thread that made it");
    held.end();
}

}  // namespace braid
