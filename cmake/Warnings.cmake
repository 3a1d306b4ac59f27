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
    # g++ 12 at -O3 sees overlaps in operator+ of strings (GCC bug 105329), and in asio's executors
    # null pointers and members without a value; and where a vector of bytes grows, writes behind
    # its old memory. AddressSanitizer sees those that there are.
    target_compile_options(braid_warnings INTERFACE -Wno-mismatched-new-delete -Wno-restrict
        -Wno-null-dereference -Wno-maybe-uninitialized
        -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds)
    if(BRAID_SANITIZE)
        # asio's fences are unknown to ThreadSanitizer, though the locks which order the same things
        # are not.
        target_compile_options(braid_warnings INTERFACE -Wno-tsan)
    endif()
endif()

if(BRAID_WERROR)
    target_compile_options(braid_warnings INTERFACE $<IF:$<BOOL:${MSVC}>,/WX,-Werror>)
endif()
