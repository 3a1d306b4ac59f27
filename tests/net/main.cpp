// A main of its own, because what cannot be tested here must not look as if it had been.

#define CATCH_CONFIG_RUNNER
#include "catch.hpp"
#include "net/skipping.hpp"

int main(int count, char** arguments) {
    const int failed = Catch::Session().run(count, arguments);
    if (failed != 0) return failed;
    return net_test::anything_was_skipped() ? net_test::skipped_exit_code : 0;
}
