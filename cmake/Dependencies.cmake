# Every package braid uses, found once. What the installed package needs is repeated in
# braidConfig.cmake.in.
# Visible to a project that has braid as a subdirectory, too.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Asio 1.22 REQUIRED)
find_package(cereal 1.3 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(LZ4 1.9 REQUIRED)
find_package(XxHash 0.8 REQUIRED)
find_package(Sodium 1.0.18 REQUIRED)

if(BRAID_BUILD_TESTS)
    find_package(Catch2 REQUIRED) # 2.13 and 3 both serve
endif()
