#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace net {

/// A file descriptor that is closed with it.
class File {
public:
    File() = default;
    explicit File(int descriptor) noexcept : descriptor_(descriptor) {}
    File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    File& operator=(File&& other) noexcept;
    ~File();

    int descriptor() const noexcept { return descriptor_; }

private:
    int descriptor_ = -1;
};

/// Why this process can make no namespaces and devices; empty when it can.
std::string namespaces_unavailable();

/// A network of its own, with `lo` up. It has no name: it ends with the last process that is in it
/// or holds this object, so that nothing is left behind by a crash. Everything throws
/// std::system_error.
class NetworkNamespace {
public:
    NetworkNamespace();

    /// Puts the calling thread in it: the sockets that it opens from then on are there, as are its
    /// children.
    void enter() const;

    /// Calls `work` in a thread of its own that is in it.
    void run(const std::function<void()>& work) const;

    /// A TUN device that is up; each read and write of the file, which never blocks, is an IP
    /// packet.
    File make_tun(const std::string& name, unsigned mtu) const;

    void add_address(const std::string& device, std::string_view address,
                     unsigned prefix_bits) const;

    void delete_address(const std::string& device, std::string_view address,
                        unsigned prefix_bits) const;

    /// Sends what this namespace says to its own 127.0.0.1 out through a device. What then comes in
    /// there is taken as local. (No way leads ::1 out: RFC 4291, section 2.5.3.)
    void route_loopback_through(const std::string& device) const;

    /// How many packets the device dropped before anybody could read them.
    std::uint64_t dropped_by(const std::string& device) const;

private:
    File file_;
};

}  // namespace net
