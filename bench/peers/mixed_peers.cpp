#include "peers/mixed_peers.hpp"

#include "peers/braid_mixed.hpp"
#include "peers/tcp_mixed.hpp"
#ifdef BRAID_BENCH_ENET
#include "peers/enet.hpp"
#endif

namespace bench {

std::vector<MixedPeer> mixed_peers() {
    std::vector<MixedPeer> peers{braid_mixed("udp"), braid_mixed("tcp")};
#ifdef BRAID_BENCH_ENET
    peers.push_back(enet_mixed());
#endif
    peers.push_back(tcp_mixed("bbr"));
    peers.push_back(tcp_mixed("cubic"));
    return peers;
}

}  // namespace bench
