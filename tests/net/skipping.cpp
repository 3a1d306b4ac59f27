#include "net/skipping.hpp"

#include "catch.hpp"
#include "net/network_namespace.hpp"

#include <cstdio>
#include <string>

namespace net_test {

namespace {

bool skipped = false;

}  // namespace

bool links_available() {
    static const std::string why_not = net::namespaces_unavailable();
    if (why_not.empty()) return true;
    skipped = true;
    std::fprintf(stderr, "SKIPPED, no link can be emulated here: %s\n", why_not.c_str());
    WARN("SKIPPED, no link can be emulated here: " << why_not);
    return false;
}

bool anything_was_skipped() { return skipped; }

}  // namespace net_test
