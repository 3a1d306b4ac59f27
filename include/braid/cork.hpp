#pragma once

#include <braid/export.hpp>

namespace braid {

/// While it lives, what its thread sends on any stream is queued and does not leave; when it ends,
/// each participant that was sent something is told once. For loops outside of coroutines that
/// send much in one go: one flush for a tick instead of one for each moment that the network
/// happened to be idle.
///
/// It ends on the thread that made it and is never held over a co_await. Corks nest: the outermost
/// counts. What other threads send to the same participants meanwhile may wait for it, too.
/// Errors, limits and Stream::writable() stay as they are.
class Cork {
public:
    BRAID_API Cork() noexcept;
    Cork(const Cork&) = delete;
    Cork& operator=(const Cork&) = delete;
    BRAID_API ~Cork();

private:
    const void* thread_;
};

}  // namespace braid
