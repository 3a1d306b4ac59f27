#include <braid/address.hpp>
#include <braid/error.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <system_error>

namespace braid {
namespace {

using detail::AddressParts;

constexpr Transport transports[] = {Transport::tcp, Transport::udp, Transport::quic,
                                    Transport::mpsc};
constexpr std::string_view scheme_end = "://";
constexpr std::size_t name_bytes_max = 253;  // of the domain name system
constexpr std::size_t zone_bytes_max = 64;

// Texts in errors come from configuration files and users: no more of them than one can read.
constexpr std::size_t quoted_bytes_max = 128;

// What is wrong with an address, for its error; the caller knows the text and the class of error.
struct Fault {
    const char* reason;
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number number{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

bool is_ipv4(std::string_view text) {
    for (int parts = 4; parts > 0; --parts) {
        const auto part = text.substr(0, text.find('.'));
        if (part.size() > 3 || !number_of<std::uint8_t>(part)) return false;
        if (part.size() > 1 && part[0] == '0') return false;
        if (parts == 1) return part.size() == text.size();
        if (part.size() == text.size()) return false;
        text.remove_prefix(part.size() + 1);
    }
    return false;
}

// Eight groups of hexadecimal digits, or fewer around one "::"; the last two may be an IPv4
// address.
bool is_ipv6(std::string_view text) {
    if (const auto percent = text.find('%'); percent != text.npos) {
        const auto zone = text.substr(percent + 1);
        const auto legal = [](char c) {
            return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_';
        };
        if (zone.empty() || zone.size() > zone_bytes_max || !std::ranges::all_of(zone, legal)) {
            return false;
        }
        text = text.substr(0, percent);
    }
    bool gap = false;
    int groups = 0;
    if (text.starts_with("::")) {
        gap = true;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        const auto group = text.substr(0, text.find(':'));
        const bool last = group.size() == text.size();
        if (last && is_ipv4(group)) {
            groups += 2;
            break;
        }
        if (group.empty() || group.size() > 4 || !std::ranges::all_of(group, is_hex_digit)) {
            return false;
        }
        ++groups;
        if (last) break;
        text.remove_prefix(group.size() + 1);
        if (text.empty()) return false;
        if (text[0] == ':') {
            if (gap) return false;
            gap = true;
            text.remove_prefix(1);
        }
    }
    return gap ? groups < 8 : groups == 8;
}

bool is_name(std::string_view text) {
    const auto legal = [](char c) {
        return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_';
    };
    if (text.empty() || text.size() > name_bytes_max || !std::ranges::all_of(text, legal)) {
        return false;
    }
    if (text[0] == '.' || text[0] == '-' || text.find("..") != text.npos) return false;
    // What ends in a number is meant as an IPv4 address, and is none.
    if (text.back() == '.') text.remove_suffix(1);
    return !std::ranges::all_of(text.substr(text.rfind('.') + 1), is_digit);
}

void check(const AddressParts& parts, bool port_needed) {
    if (parts.transport() == Transport::mpsc) {
        if (port_needed && parts.channel() == 0) {
            throw Fault{"number 0 is only for listening; Listener::address() tells which it took"};
        }
        return;
    }
    const std::string& host = parts.host();
    if (!is_ipv4(host) && !is_ipv6(host) && !is_name(host)) {
        throw Fault{"the host is neither an IPv4 nor an IPv6 address nor a name"};
    }
    if (port_needed && parts.port() == 0) throw Fault{"port 0 is only for listening"};
}

AddressParts parse(std::string_view text) {
    const auto scheme = text.substr(0, text.find(scheme_end));
    const auto* const transport = std::ranges::find(
        transports, scheme, [](Transport candidate) { return to_string(candidate); });
    if (scheme.size() == text.size() || transport == std::end(transports)) {
        throw Fault{"it begins with none of tcp://, udp://, quic:// and mpsc://"};
    }
    text.remove_prefix(scheme.size() + scheme_end.size());

    if (*transport == Transport::mpsc) {
        const auto channel = number_of<std::uint64_t>(text);
        if (!channel) throw Fault{"after mpsc:// stands one number"};
        return AddressParts{*channel};
    }

    std::string_view host;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == text.npos) throw Fault{"the bracket around the IPv6 address is not closed"};
        host = text.substr(1, close - 1);
        if (!is_ipv6(host)) throw Fault{"there is no IPv6 address between the brackets"};
        text.remove_prefix(close + 1);
    } else {
        host = text.substr(0, text.find(':'));
        text.remove_prefix(host.size());
        if (text.find(':') != text.rfind(':')) {
            throw Fault{"an IPv6 address stands in brackets"};
        }
    }
    if (!text.starts_with(':')) throw Fault{"the port is missing"};
    const auto port = number_of<std::uint16_t>(text.substr(1));
    if (!port) throw Fault{"the port is no number from 0 to 65535"};
    return {*transport, std::string{host}, *port};
}

template <typename Error>
[[noreturn]] void fail(std::string_view text, Fault fault) {
    std::string what{"\""};
    what += text.substr(0, quoted_bytes_max);
    if (text.size() > quoted_bytes_max) what += "...";
    what += "\": ";
    what += fault.reason;
    throw Error{errc::address_invalid, what};
}

template <typename Error>
AddressParts parse_checked(std::string_view text, bool port_needed) {
    try {
        AddressParts parts = parse(text);
        check(parts, port_needed);
        return parts;
    } catch (Fault fault) {
        fail<Error>(text, fault);
    }
}

template <typename Error>
AddressParts checked(AddressParts parts, bool port_needed) {
    try {
        check(parts, port_needed);
        return parts;
    } catch (Fault fault) {
        fail<Error>(to_string(parts), fault);
    }
}

template <typename Address>
Result<Address> parse_as(std::string_view text) {
    try {
        return Address{text};
    } catch (const NetworkError& error) {
        return {error, std::current_exception()};
    }
}

}  // namespace

std::string_view to_string(Transport transport) noexcept {
    switch (transport) {
        case Transport::tcp: return "tcp";
        case Transport::udp: return "udp";
        case Transport::quic: return "quic";
        case Transport::mpsc: return "mpsc";
    }
    return "unknown";
}

std::string to_string(const detail::AddressParts& address) {
    std::string text{to_string(address.transport())};
    text += scheme_end;
    if (address.transport() == Transport::mpsc) return text + std::to_string(address.channel());
    const bool bracketed = address.host().find(':') != std::string::npos;
    text += bracketed ? "[" + address.host() + "]" : address.host();
    return text + ":" + std::to_string(address.port());
}

ConnectAddr::ConnectAddr(std::string_view text)
    : AddressParts{parse_checked<ConnectError>(text, true)} {}

Result<ConnectAddr> ConnectAddr::parse(std::string_view text) {
    return parse_as<ConnectAddr>(text);
}

ConnectAddr ConnectAddr::tcp(std::string_view host, std::uint16_t port) {
    return ConnectAddr{checked<ConnectError>({Transport::tcp, std::string{host}, port}, true)};
}

ConnectAddr ConnectAddr::udp(std::string_view host, std::uint16_t port) {
    return ConnectAddr{checked<ConnectError>({Transport::udp, std::string{host}, port}, true)};
}

ConnectAddr ConnectAddr::quic(std::string_view host, std::uint16_t port) {
    return ConnectAddr{checked<ConnectError>({Transport::quic, std::string{host}, port}, true)};
}

ConnectAddr ConnectAddr::mpsc(std::uint64_t channel) {
    return ConnectAddr{checked<ConnectError>(AddressParts{channel}, true)};
}

ListenAddr::ListenAddr(std::string_view text)
    : AddressParts{parse_checked<NetworkError>(text, false)} {}

Result<ListenAddr> ListenAddr::parse(std::string_view text) { return parse_as<ListenAddr>(text); }

ListenAddr ListenAddr::tcp(std::string_view host, std::uint16_t port) {
    return ListenAddr{checked<NetworkError>({Transport::tcp, std::string{host}, port}, false)};
}

ListenAddr ListenAddr::udp(std::string_view host, std::uint16_t port) {
    return ListenAddr{checked<NetworkError>({Transport::udp, std::string{host}, port}, false)};
}

ListenAddr ListenAddr::quic(std::string_view host, std::uint16_t port) {
    return ListenAddr{checked<NetworkError>({Transport::quic, std::string{host}, port}, false)};
}

ListenAddr ListenAddr::mpsc(std::uint64_t channel) { return ListenAddr{AddressParts{channel}}; }

}  // namespace braid
