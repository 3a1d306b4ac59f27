#pragma once

#include "transport/udp/handshake_datagram.hpp"
#include "transport/udp/socket_address.hpp"

namespace braid::transport {

inline protocol::Hello sample_hello(unsigned letter = 0) {
    protocol::Hello hello;
    hello.pid = Pid::numbered(letter);
    hello.session.fill(static_cast<std::uint8_t>(letter + 1));
    hello.application_name = "chess";
    hello.application_version = "2";
    hello.stream_credit = 1 << 18;
    hello.participant_credit = 1 << 20;
    hello.streams = 256;
    hello.message_bytes_max = 1 << 24;
    hello.idle_ms = 15'000;
    return hello;
}

/// As a dialling side says it.
inline PlainMessage sample_message(unsigned letter = 0) {
    PlainMessage message;
    message.hello = sample_hello(letter);
    message.terms.datagram_bytes_max = 2048;
    message.terms.ack_delay_max = std::chrono::milliseconds{5};
    return message;
}

/// As an accepting side does.
inline PlainMessage sample_answer(unsigned letter = 1) {
    auto message = sample_message(letter);
    message.terms.connection_id = 0x12345678;
    message.terms.reset_token.emplace();
    message.terms.reset_token->fill(std::byte{0x77});
    return message;
}

inline crypto::Secret sample_secret(unsigned letter) {
    crypto::Secret secret;
    secret.fill(static_cast<std::byte>(letter));
    return secret;
}

inline SocketAddress sample_address(std::uint32_t number, std::uint16_t port = 1000) {
    SocketAddress address;
    for (std::size_t i = 0; i < 4; ++i) {
        address.ip[i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
    }
    address.port = port;
    return address;
}

}  // namespace braid::transport
