# One program of a stranger's, for each way to get braid. braid's headers meet the warnings that
# strangers have, and are no system headers to them.
set(CMAKE_CXX_STANDARD_REQUIRED ON)
add_executable(consumer ${CMAKE_CURRENT_LIST_DIR}/consumer.cpp)
target_link_libraries(consumer PRIVATE braid::braid)
target_compile_options(consumer PRIVATE
    -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
    $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>)
set_target_properties(consumer PROPERTIES NO_SYSTEM_FROM_IMPORTED ON)
