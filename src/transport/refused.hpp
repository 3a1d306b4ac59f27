#pragma once

#include "protocol/handshake.hpp"

#include <braid/error.hpp>
#include <braid/pid.hpp>

#include <string>

namespace braid::transport {

/// Thrown by Encounter::receive_hello(): the peer has said why it will not talk.
class Refused : public HandshakeError {
public:
    /// @param address of the peer
    Refused(const protocol::Refusal& refusal, const std::string& address)
        : HandshakeError{refusal.reason,
                         refusal.text.empty() ? address : address + ": " + refusal.text},
          pid_{refusal.pid} {}

    /// Of the peer, if it has said it; else all zero.
    const Pid& pid() const noexcept { return pid_; }

private:
    Pid pid_;
};

}  // namespace braid::transport
