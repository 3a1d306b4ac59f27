# Headers, library, CMake package and pkg-config file.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/braid)

install(DIRECTORY include/braid DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(TARGETS braid EXPORT braidTargets)
install(EXPORT braidTargets NAMESPACE braid:: DESTINATION ${package_dir})

configure_package_config_file(cmake/braidConfig.cmake.in braidConfig.cmake
    INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may break.
write_basic_package_version_file(braidConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    ${PROJECT_BINARY_DIR}/braidConfig.cmake ${PROJECT_BINARY_DIR}/braidConfigVersion.cmake
    cmake/FindAsio.cmake cmake/FindLZ4.cmake cmake/FindSodium.cmake
    DESTINATION ${package_dir})

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(pc_install_prefix ${CMAKE_INSTALL_PREFIX})
    set(pc_prefix "")
else()
    # From where the file lies, so that the prefix may be moved.
    file(RELATIVE_PATH pc_install_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" pc_install_prefix "\${pcfiledir}/${pc_install_prefix}")
    set(pc_prefix "\${prefix}/")
endif()
if(BUILD_SHARED_LIBS)
    set(pc_requires "")
    set(pc_static_definition "")
else()
    # A static library brings its own dependencies to the link, with or without pkg-config --static.
    set(pc_requires "spdlog liblz4 libsodium")
    set(pc_static_definition -DBRAID_STATIC)
endif()
configure_file(cmake/braid.pc.in braid.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/braid.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
