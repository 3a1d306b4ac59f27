#pragma once

#include "net/address_translation.hpp"
#include "net/network_namespace.hpp"
#include "net/path.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace net {

class Relay;

/// The addresses of the two ends of every link, each of which is in a namespace of its own.
inline constexpr const char* near_address = "10.77.0.1";
inline constexpr const char* far_address = "10.77.0.2";
inline constexpr const char* near_address_v6 = "fd77::1";
inline constexpr const char* far_address_v6 = "fd77::2";

struct LinkOptions {
    LinkShape outbound;  ///< from near to far
    LinkShape inbound;
    std::uint64_t seed = 1;
    unsigned device_mtu = 1500;
    bool translate_near = false;  ///< the near end is behind a NAT
};

/// What happened on the links of an emulator, and whether it can be believed.
struct Lateness {
    std::uint64_t packets = 0;
    /// How much later than it should have a packet arrived.
    double p50_us = 0;
    double p99_us = 0;
    double max_us = 0;
    double late_share = 0;             ///< of packets, by more than `late`
    std::uint64_t packets_missed = 0;  ///< lost by the kernel, not by the emulator's decision

    /// A tenth of the smallest round trip that is emulated anywhere.
    static constexpr nanoseconds late = std::chrono::milliseconds(1);

    /// False if what was measured over these links says more on this machine than on what ran: when
    /// one packet in 500 was late, so that a 99th percentile would see it.
    bool credible() const noexcept { return late_share <= 0.002 && packets_missed == 0; }
    std::string describe() const;
};

/// Two namespaces joined by an emulated link, or one whose 127.0.0.1 is.
class Link {
public:
    /// Namespaces that processes or threads may enter. On a loopback link they are the same.
    const NetworkNamespace& near() const noexcept { return *near_; }
    const NetworkNamespace& far() const noexcept { return far_ ? *far_ : *near_; }

    /// Any thread may call these while packets pass.
    void reshape(const LinkShape& outbound, const LinkShape& inbound);
    void rebind();
    void bar();

    /// Takes the near end's IPv4 address away or gives it back: without one there is no way out.
    void connect_near(bool connected);
    PathCounts outbound() const;
    PathCounts inbound() const;

private:
    friend class Relay;
    friend class Emulator;

    Link(const LinkOptions& options, bool loopback, std::mutex& mutex);

    std::mutex& mutex_;
    std::optional<NetworkNamespace> near_;
    std::optional<NetworkNamespace> far_;
    File near_tun_;
    File far_tun_;
    Path outbound_;
    Path inbound_;
    std::optional<AddressTranslation> translation_;
};

/// Carries packets between the ends of links: one thread, for as many links as it can serve in
/// time, which it knows (see Lateness). For kernels without netem, and without names or files that
/// a crash could leave behind. Needs root and /dev/net/tun; throws std::system_error.
class Emulator {
public:
    Emulator();
    ~Emulator();

    /// Before start(). The emulator owns it.
    Link& add(const LinkOptions& options);

    /// One namespace whose 127.0.0.1 is at the other end of `shape`: packets both ways share it.
    Link& add_loopback(const LinkShape& shape, std::uint64_t seed);

    void start();
    void stop();

    /// After stop().
    Lateness lateness() const;

private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<Link>> links_;
    std::unique_ptr<Relay> relay_;
    std::thread thread_;
    Lateness lateness_;
};

}  // namespace net
