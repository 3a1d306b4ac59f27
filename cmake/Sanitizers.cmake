# Sanitizers apply to the whole tree: half-instrumented programs report nonsense.
if(BRAID_SANITIZE)
    add_compile_options(
        -fsanitize=${BRAID_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${BRAID_SANITIZE})
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        # clang 14 cannot assemble coroutines with it ("a difference across sections").
        add_compile_options(-fno-sanitize=function)
    endif()
endif()

if(BRAID_BUILD_FUZZERS)
    if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "BRAID_BUILD_FUZZERS needs clang: configure with `cmake --preset fuzz`.")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
