#include "transport/context_service.hpp"

#include "catch.hpp"

#include <asio/io_context.hpp>

#include <memory>
#include <vector>

using braid::transport::Resident;
using braid::transport::Residents;

namespace {

class Tenant final : public Resident {
public:
    explicit Tenant(std::shared_ptr<Residents> residents, int refusals = 0)
        : residents_{std::move(residents)}, refusals_{refusals} {
        entered = residents_->enter(*this);
    }
    ~Tenant() override { residents_->leave(*this); }

    bool entered = false;
    int evicted = 0;

private:
    bool claim() noexcept override { return refusals_-- <= 0; }
    void evict() noexcept override { ++evicted; }

    std::shared_ptr<Residents> residents_;
    int refusals_;
};

}  // namespace

TEST_CASE("a context that dies evicts those who live on it") {
    auto context = std::make_unique<asio::io_context>();
    const auto residents = Residents::of(context->get_executor());
    CHECK(Residents::of(context->get_executor()) == residents);
    Tenant first{residents};
    Tenant second{residents, 3};
    { const Tenant gone{residents}; }
    context.reset();
    CHECK(first.evicted == 1);
    CHECK(second.evicted == 1);
    const Tenant late{residents};
    CHECK_FALSE(late.entered);
}
