#include "net/network_namespace.hpp"

#include "net/route_socket.hpp"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace net {

namespace {

/// Longer than anything sends at once: a device that drops would be a second, unknown link.
constexpr unsigned device_queue_packets = 10'000;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::system_category(), what);
}

void run_in_thread(const std::function<void()>& work) {
    std::exception_ptr error;
    std::thread thread([&] {
        try {
            work();
        } catch (...) {
            error = std::current_exception();
        }
    });
    thread.join();
    if (error) std::rethrow_exception(error);
}

unsigned index_of(const std::string& device) {
    const unsigned index = ::if_nametoindex(device.c_str());
    if (index == 0) fail(device);
    return index;
}

void set_sysctl(const std::string& name, std::string_view value) {
    const std::string path = "/proc/sys/net/" + name;
    const File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.descriptor() < 0 || ::write(file.descriptor(), value.data(), value.size()) < 0) {
        fail(path);
    }
}

}  // namespace

File& File::operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

File::~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::string namespaces_unavailable() {
    try {
        const NetworkNamespace probe;
        probe.make_tun("probe", 1500);
        return {};
    } catch (const std::system_error& error) {
        return error.what();
    }
}

NetworkNamespace::NetworkNamespace() {
    run_in_thread([this] {
        if (::unshare(CLONE_NEWNET) != 0) fail("a network namespace needs root");
        file_ = File(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        if (file_.descriptor() < 0) fail("/proc/thread-self/ns/net");
        RouteSocket().set_up(index_of("lo"), 0, 0);
    });
}

void NetworkNamespace::enter() const {
    if (::setns(file_.descriptor(), CLONE_NEWNET) != 0) fail("setns");
}

void NetworkNamespace::run(const std::function<void()>& work) const {
    run_in_thread([&] {
        enter();
        work();
    });
}

File NetworkNamespace::make_tun(const std::string& name, unsigned mtu) const {
    File tun;
    run([&] {
        tun = File(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (tun.descriptor() < 0) fail("/dev/net/tun");
        ifreq request{};
        name.copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_flags = IFF_TUN | IFF_NO_PI;
        if (::ioctl(tun.descriptor(), TUNSETIFF, &request) != 0) fail("TUNSETIFF");
        // No link-local address, and so nothing that the kernel sends by itself: chance is used up
        // by the packets of the sockets alone.
        set_sysctl("ipv6/conf/" + name + "/addr_gen_mode", "1");
        RouteSocket().set_up(index_of(name), mtu, device_queue_packets);
    });
    return tun;
}

void NetworkNamespace::add_address(const std::string& device, std::string_view address,
                                   unsigned prefix_bits) const {
    run([&] { RouteSocket().add_address(index_of(device), address, prefix_bits); });
}

void NetworkNamespace::delete_address(const std::string& device, std::string_view address,
                                      unsigned prefix_bits) const {
    run([&] { RouteSocket().delete_address(index_of(device), address, prefix_bits); });
}

void NetworkNamespace::route_loopback_through(const std::string& device) const {
    run([&] {
        constexpr unsigned char table = 100;  // any that nobody uses
        constexpr unsigned before_local = 10;
        constexpr unsigned local = 20;
        // The kernel takes no 127.0.0.1 and no address of its own from outside, unless told to.
        set_sysctl("ipv4/conf/" + device + "/route_localnet", "1");
        set_sysctl("ipv4/conf/" + device + "/accept_local", "1");
        set_sysctl("ipv4/conf/" + device + "/rp_filter", "0");
        set_sysctl("ipv4/conf/all/rp_filter", "0");
        RouteSocket routes;
        routes.add_route(index_of(device), "127.0.0.1", 32, table);
        routes.add_rule_for_own_packets(AF_INET, before_local, table);
        routes.add_rule(AF_INET, local, RT_TABLE_LOCAL);
        routes.delete_rule(AF_INET, 0, RT_TABLE_LOCAL);
    });
}

std::uint64_t NetworkNamespace::dropped_by(const std::string& device) const {
    std::uint64_t dropped = 0;
    run([&] {
        std::ifstream devices("/proc/thread-self/net/dev");
        for (std::string line; std::getline(devices, line);) {
            const auto colon = line.find(device + ":");
            if (colon == std::string::npos) continue;
            // Eight counters of what came in stand before those of what went out, whose fourth it
            // is.
            std::istringstream counters(line.substr(colon + device.size() + 1));
            for (unsigned index = 0; index < 12; ++index) counters >> dropped;
        }
    });
    return dropped;
}

}  // namespace net
