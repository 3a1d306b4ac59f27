#pragma once

namespace net_test {

/// What ctest takes for "skipped" (SKIP_RETURN_CODE).
inline constexpr int skipped_exit_code = 4;

/// True where links can be emulated. Else says so on stderr and as a warning of Catch2, and makes
/// the program end with `skipped_exit_code` unless something fails: begin a test that needs a link
/// with `if (!links_available()) return;`.
bool links_available();

bool anything_was_skipped();

}  // namespace net_test
