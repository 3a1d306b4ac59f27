#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>

namespace net {

/// A NAT for the UDP ports of one end of a link, as a home router has: from outside that end is
/// seen at another port, which changes with each rebind(). Packets that it does not translate (TCP,
/// fragments, other protocols) pass as they are.
class AddressTranslation {
public:
    /// Rewrites the source port of a packet from the end behind the NAT.
    /// @returns false if that port is barred
    bool leaving(std::span<std::byte> packet);

    /// Rewrites the target port of a packet to that end.
    /// @returns false if nothing has left by that port since the last rebind: a NAT drops it
    bool entering(std::span<std::byte> packet);

    /// Forgets all ports and gives out others, as after a reboot or a long silence.
    void rebind();

    /// From now on nothing passes from or to the ports of that end which have been in use, as where
    /// a NAT is at its limit or an interface is gone. Others pass.
    void bar();

private:
    std::uint16_t offset_ = 10'007;
    std::unordered_map<std::uint16_t, std::uint16_t> inside_by_outside_;
    std::unordered_set<std::uint16_t> barred_;
};

}  // namespace net
