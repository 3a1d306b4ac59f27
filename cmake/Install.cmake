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
    cmake/FindAsio.cmake cmake/FindLZ4.cmake
    DESTINATION ${package_dir})

if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
    set(pc_prefix "")
else()
    set(pc_prefix "\${prefix}/")
endif()
set(pc_static_definition $<$<NOT:$<BOOL:${BUILD_SHARED_LIBS}>>:-DBRAID_STATIC>)
configure_file(cmake/braid.pc.in braid.pc.gen @ONLY)
file(GENERATE OUTPUT braid.pc INPUT ${PROJECT_BINARY_DIR}/braid.pc.gen)
install(FILES ${PROJECT_BINARY_DIR}/braid.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
