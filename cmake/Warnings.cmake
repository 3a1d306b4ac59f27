# Linked privately by everything we compile; users of the library never see it.
add_library(braid_warnings INTERFACE)

if(MSVC)
    target_compile_options(braid_warnings INTERFACE /W4)
else()
    target_compile_options(braid_warnings INTERFACE
        -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
        -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # g++ with optimisation sees mismatched new and delete in coroutine frames; there are none.
    # g++ 12 at -O3 sees overlaps in operator+ of strings (GCC bug 105329), and null pointers in asio.
    target_compile_options(braid_warnings INTERFACE
        -Wno-mismatched-new-delete -Wno-restrict -Wno-null-dereference)
    if(BRAID_SANITIZE)
        # Instrumented code confuses g++ about std::regex and std::function; and asio's fences are
        # unknown to ThreadSanitizer, though the locks which order the same things are not.
        target_compile_options(braid_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
    endif()
endif()

if(BRAID_WERROR)
    target_compile_options(braid_warnings INTERFACE $<IF:$<BOOL:${MSVC}>,/WX,-Werror>)
endif()
