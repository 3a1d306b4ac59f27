#pragma once

#include "transport/clock.hpp"
#include "transport/doorbell.hpp"
#include "transport/entropy.hpp"
#include "transport/udp/gate.hpp"
#include "transport/udp/mailbox.hpp"
#include "transport/udp/socket.hpp"
#include "transport/udp/socket_address.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace braid::transport {

/// Where those wait to be taken whom the gate of a listening socket lets in. It stays with the
/// connections that came through it, for what the gate says to datagrams that belong to nobody.
/// Any thread.
class UdpDoor final : public Strays {
public:
    /// @param bell rings when somebody waits
    UdpDoor(const GateLimits& limits, std::shared_ptr<Doorbell> bell,
            std::shared_ptr<const Clock> clock, Entropy& entropy);

    struct Guest {
        Gate::Newcomer newcomer;
        SocketAddress at;  ///< the address of this machine that it spoke to
    };

    /// Who has waited for longest; nothing if nobody waits. Who comes again after a CANCEL waits
    /// until what it cancelled is gone, lest it be taken for a second one.
    std::optional<Guest> next();

    /// Nobody comes in any more. What the gate has answered it still answers again.
    void close();
    bool closed() const;

    // What became of a guest, as Gate has it; who has cancelled does not come in again.

    /// @param mailbox fails if the guest does not wait for the answer
    void accepted(const AttemptKey& key, std::vector<std::byte> answer,
                  std::shared_ptr<Mailbox> mailbox);
    void refused(const AttemptKey& key, std::vector<std::byte> answer);
    void confirmed(const AttemptKey& key);
    void gone(const AttemptKey& key);

    /// What proves to the peer of that connection that this end knows nothing of it any more.
    ResetToken token_of(ConnectionId id) const noexcept;

    Gate::Counters counters() const;

    /// A guest who sends CANCEL fails its mailbox with connection_reset.
    void stray(UdpSocket& socket, const SocketAddress& from, const SocketAddress& at,
               std::span<std::byte> bytes) override;

private:
    using Name = std::pair<SocketAddress, AttemptId>;
    struct Unconfirmed {
        std::shared_ptr<Mailbox> mailbox;  // once accepted
        bool cancelled = false;
    };
    static Name name_of(const AttemptKey& key) noexcept { return {key.from, key.attempt}; }

    bool let_in(Gate::Newcomer newcomer, const SocketAddress& at,
                std::span<const std::byte>& answer);
    void cancel(const AttemptKey& key);
    Unconfirmed forget(const AttemptKey& key);

    const std::shared_ptr<Doorbell> bell_;
    const std::shared_ptr<const Clock> clock_;
    const GateSecrets secrets_;
    mutable std::mutex mutex_;  // for the following
    Gate gate_;
    std::deque<Guest> waiting_;
    std::map<Name, Unconfirmed> unconfirmed_;    // who have been taken
    std::map<SocketAddress, unsigned> leaving_;  // hosts of those who cancelled and are still here
    std::vector<std::byte> refusal_;
    bool closed_ = false;
};

/// One who came through a door, until it has shown by a packet that it is there: the gate hears of
/// that, or that it never did.
class UdpAdmission {
public:
    UdpAdmission(std::shared_ptr<UdpDoor> door, const AttemptKey& key) noexcept
        : door_{std::move(door)}, key_{key} {}
    ~UdpAdmission() {
        if (!over_) door_->gone(key_);
    }
    UdpAdmission(const UdpAdmission&) = delete;
    UdpAdmission& operator=(const UdpAdmission&) = delete;

    UdpDoor& door() noexcept { return *door_; }

    void accepted(std::vector<std::byte> answer, std::shared_ptr<Mailbox> mailbox) {
        door_->accepted(key_, std::move(answer), std::move(mailbox));
    }
    void refused(std::vector<std::byte> answer) {
        over_ = true;
        door_->refused(key_, std::move(answer));
    }
    void confirmed() {
        if (!over_) door_->confirmed(key_);
        over_ = true;
    }

private:
    const std::shared_ptr<UdpDoor> door_;
    const AttemptKey key_;
    bool over_ = false;
};

}  // namespace braid::transport
