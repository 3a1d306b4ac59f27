# xxHash as a header, included with XXH_INLINE_ALL: XxHash_FOUND, XxHash_VERSION and the target XxHash::XxHash.
find_path(XxHash_INCLUDE_DIR xxhash.h)
mark_as_advanced(XxHash_INCLUDE_DIR)

if(XxHash_INCLUDE_DIR)
    file(STRINGS ${XxHash_INCLUDE_DIR}/xxhash.h xxhash_version
         REGEX "^#define XXH_VERSION_(MAJOR|MINOR|RELEASE)")
    string(REGEX MATCHALL " [0-9]+" xxhash_version "${xxhash_version}")
    string(REPLACE "; " "." XxHash_VERSION "${xxhash_version}")
    string(STRIP "${XxHash_VERSION}" XxHash_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(XxHash
    REQUIRED_VARS XxHash_INCLUDE_DIR VERSION_VAR XxHash_VERSION)

if(XxHash_FOUND AND NOT TARGET XxHash::XxHash)
    add_library(XxHash::XxHash INTERFACE IMPORTED)
    target_include_directories(XxHash::XxHash INTERFACE ${XxHash_INCLUDE_DIR})
endif()
