#include "transport/udp/congestion.hpp"

#include "transport/udp/copa.hpp"
#include "transport/udp/cubic.hpp"
#include "transport/udp/fixed.hpp"

namespace braid::transport {

std::unique_ptr<CongestionControl> make_congestion_control(Congestion kind,
                                                           std::uint64_t packet_bytes,
                                                           std::uint64_t fixed_bytes_per_second) {
    switch (kind) {
        case Congestion::cubic: return std::make_unique<Cubic>(packet_bytes);
        case Congestion::fixed:
            return std::make_unique<FixedRate>(packet_bytes, fixed_bytes_per_second);
        case Congestion::copa: break;
    }
    return std::make_unique<Copa>(packet_bytes);
}

}  // namespace braid::transport
