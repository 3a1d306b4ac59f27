# Standalone asio: Asio_FOUND, Asio_VERSION and the target asio::asio.
find_path(Asio_INCLUDE_DIR asio.hpp)
mark_as_advanced(Asio_INCLUDE_DIR)

if(Asio_INCLUDE_DIR)
    # ASIO_VERSION is 102201 for 1.22.1.
    file(STRINGS ${Asio_INCLUDE_DIR}/asio/version.hpp asio_version REGEX "^#define ASIO_VERSION ")
    string(REGEX MATCH "[0-9]+" asio_version "${asio_version}")
    math(EXPR asio_major "${asio_version} / 100000")
    math(EXPR asio_minor "${asio_version} / 100 % 1000")
    math(EXPR asio_patch "${asio_version} % 100")
    set(Asio_VERSION ${asio_major}.${asio_minor}.${asio_patch})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Asio REQUIRED_VARS Asio_INCLUDE_DIR VERSION_VAR Asio_VERSION)

if(Asio_FOUND AND NOT TARGET asio::asio)
    include(CMakeFindDependencyMacro)
    find_dependency(Threads)
    add_library(asio::asio INTERFACE IMPORTED)
    target_include_directories(asio::asio INTERFACE ${Asio_INCLUDE_DIR})
    target_link_libraries(asio::asio INTERFACE Threads::Threads)
    # asio before 1.26 looks for the coroutines TS when it sees clang with libstdc++.
    target_compile_definitions(asio::asio INTERFACE
        $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_CO_AWAIT=1>
        $<$<CXX_COMPILER_ID:Clang,AppleClang>:ASIO_HAS_STD_COROUTINE=1>)
    # asio 1.22 sees aligned_alloc() only if a header of the standard library came before it: files
    # that include asio first would disagree with the rest about how memory is given back.
    if(UNIX AND NOT APPLE)
        target_compile_definitions(asio::asio INTERFACE ASIO_HAS_STD_ALIGNED_ALLOC=1)
    endif()
endif()
