# The LZ4 library: LZ4_FOUND, LZ4_VERSION and the target LZ4::LZ4.
find_path(LZ4_INCLUDE_DIR lz4.h)
find_library(LZ4_LIBRARY NAMES lz4 liblz4)
mark_as_advanced(LZ4_INCLUDE_DIR LZ4_LIBRARY)

if(LZ4_INCLUDE_DIR)
    file(STRINGS ${LZ4_INCLUDE_DIR}/lz4.h lz4_version
         REGEX "^#define LZ4_VERSION_(MAJOR|MINOR|RELEASE)")
    string(REGEX MATCHALL " [0-9]+" lz4_version "${lz4_version}")
    string(REPLACE "; " "." LZ4_VERSION "${lz4_version}")
    string(STRIP "${LZ4_VERSION}" LZ4_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LZ4
    REQUIRED_VARS LZ4_LIBRARY LZ4_INCLUDE_DIR VERSION_VAR LZ4_VERSION)

if(LZ4_FOUND AND NOT TARGET LZ4::LZ4)
    add_library(LZ4::LZ4 UNKNOWN IMPORTED)
    set_target_properties(LZ4::LZ4 PROPERTIES IMPORTED_LOCATION ${LZ4_LIBRARY})
    target_include_directories(LZ4::LZ4 INTERFACE ${LZ4_INCLUDE_DIR})
endif()
