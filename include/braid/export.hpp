#pragma once

/// Marks what the shared library shows; everything else is hidden. Users of the static library
/// compile with BRAID_STATIC, which the CMake target and the pkg-config file pass on.
#if defined(BRAID_STATIC)
#define BRAID_API
#elif !defined(_WIN32)
#define BRAID_API __attribute__((visibility("default")))
#elif defined(BRAID_BUILDING)
#define BRAID_API __declspec(dllexport)
#else
#define BRAID_API __declspec(dllimport)
#endif
