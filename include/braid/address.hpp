#pragma once

#include <braid/export.hpp>
#include <braid/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace braid {

/// What carries the bytes; the first word of an address.
enum class Transport : std::uint8_t {
    tcp,
    udp,
    quic,
    mpsc,  ///< within the process, by number
};

/// "tcp", "udp", "quic" or "mpsc".
BRAID_API std::string_view to_string(Transport transport) noexcept;

namespace detail {

/// What ConnectAddr and ListenAddr have in common. A class of its own accord has constructors:
/// g++ 12 destroys aggregates with strings twice in a co_await expression.
class AddressParts {
public:
    AddressParts(Transport transport, std::string host, std::uint16_t port)
        : transport_{transport}, port_{port}, host_{std::move(host)} {}
    explicit AddressParts(std::uint64_t channel) : transport_{Transport::mpsc}, channel_{channel} {}

    Transport transport() const noexcept { return transport_; }

    /// An IPv4 or IPv6 address (without brackets) or a name; empty for mpsc.
    const std::string& host() const noexcept { return host_; }

    /// 0 for mpsc.
    std::uint16_t port() const noexcept { return port_; }

    /// The number of an mpsc address; 0 for the others.
    std::uint64_t channel() const noexcept { return channel_; }

    bool operator==(const AddressParts&) const noexcept = default;

private:
    Transport transport_;
    std::uint16_t port_ = 0;
    std::uint64_t channel_ = 0;
    std::string host_;
};

}  // namespace detail

/// Where Network::connect() goes: "tcp://game.example:14004", "udp://192.0.2.1:14004",
/// "quic://[2001:db8::1]:14004", "mpsc://42". Texts convert, so the transport is swapped in a word.
/// "0.0.0.0" and "[::]" are this machine.
class ConnectAddr : public detail::AddressParts {
public:
    /// @throws ConnectError (errc::address_invalid), whose text names `text` and what is wrong
    BRAID_API ConnectAddr(std::string_view text);
    ConnectAddr(const char* text) : ConnectAddr{std::string_view{text}} {}
    ConnectAddr(const std::string& text) : ConnectAddr{std::string_view{text}} {}

    /// The same for texts that users type: one that is no address comes back as a result.
    BRAID_API static Result<ConnectAddr> parse(std::string_view text);

    /// @throws ConnectError (errc::address_invalid) for a host that is none, and for port 0
    BRAID_API static ConnectAddr tcp(std::string_view host, std::uint16_t port);
    BRAID_API static ConnectAddr udp(std::string_view host, std::uint16_t port);
    BRAID_API static ConnectAddr quic(std::string_view host, std::uint16_t port);
    /// @throws ConnectError (errc::address_invalid) for number 0
    BRAID_API static ConnectAddr mpsc(std::uint64_t channel);

    bool operator==(const ConnectAddr&) const noexcept = default;

private:
    explicit ConnectAddr(AddressParts parts) : AddressParts{std::move(parts)} {}
};

/// Where Network::listen() waits: as ConnectAddr, and port or number 0 takes a free one
/// (Listener::address() has the real one). "0.0.0.0" is every IPv4 address of the machine, "[::]"
/// every address, IPv6 and IPv4 (IPv6 alone where the system cannot do both).
class ListenAddr : public detail::AddressParts {
public:
    /// @throws NetworkError (errc::address_invalid), whose text names `text` and what is wrong
    BRAID_API ListenAddr(std::string_view text);
    ListenAddr(const char* text) : ListenAddr{std::string_view{text}} {}
    ListenAddr(const std::string& text) : ListenAddr{std::string_view{text}} {}

    /// The same for texts that users type: one that is no address comes back as a result.
    BRAID_API static Result<ListenAddr> parse(std::string_view text);

    /// @throws NetworkError (errc::address_invalid) for a host that is none
    BRAID_API static ListenAddr tcp(std::string_view host, std::uint16_t port);
    BRAID_API static ListenAddr udp(std::string_view host, std::uint16_t port);
    BRAID_API static ListenAddr quic(std::string_view host, std::uint16_t port);
    BRAID_API static ListenAddr mpsc(std::uint64_t channel);

    bool operator==(const ListenAddr&) const noexcept = default;

private:
    explicit ListenAddr(AddressParts parts) : AddressParts{std::move(parts)} {}
};

/// The text that an equal address converts from.
BRAID_API std::string to_string(const detail::AddressParts& address);

}  // namespace braid
