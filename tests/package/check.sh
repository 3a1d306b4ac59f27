#!/usr/bin/env bash
# Gets braid in every way a stranger does, from fresh folders: check.sh <work folder>. The library is
# built twice: as a static one by FetchContent and as a shared one by add_subdirectory. Each is then
# installed, moved, and found with find_package() and pkg-config.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$1
jobs=$(nproc)
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
export CMAKE_GENERATOR=Ninja

main() {
    rm -rf "$work"
    mkdir -p "$work"
    work=$(cd "$work" && pwd)

    say "FetchContent, static"
    tar -C "$root" --exclude=./build --exclude=./.git --transform 's,^\.,braid,' \
        -czf "$work/braid.tar.gz" .
    consume fetch_content fetch_content -DBRAID_ARCHIVE="$work/braid.tar.gz"
    install_and_move fetch_content static

    say "add_subdirectory, shared"
    consume add_subdirectory add_subdirectory -DBUILD_SHARED_LIBS=ON
    install_and_move add_subdirectory shared

    for kind in static shared; do
        say "find_package and pkg-config, $kind"
        consume "find_package_$kind" find_package -DCMAKE_PREFIX_PATH="$work/$kind"
        ask_pkg_config "$kind"
        nothing_of_this_machine "$work/$kind"
    done
    wrong_version_is_named
    say "The shared library shows what is braid's, and has a version"
    shared_library_is_tidy
    say "Each public header stands alone and shows no library that it should not"
    headers_stand_alone static
}

say() { echo "-- $*"; }

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

quietly() {
    if ! "$@" >"$work/log" 2>&1; then
        tail -n 60 "$work/log" >&2
        fail "$*"
    fi
}

# consume <build folder> <project> [cmake arguments]: configures, builds, runs, compares.
consume() {
    local build=$work/build-$1 project=$2
    shift 2
    quietly cmake -S "$here/$project" -B "$build" "$@"
    quietly cmake --build "$build" -j "$jobs"
    says_what_it_should "$build/consumer"
}

says_what_it_should() {
    timeout 60 "$@" | diff "$here/consumer.txt" - || fail "$* says something else"
}

install_and_move() {
    quietly cmake --install "$work/build-$1" --prefix "$work/installed-$2"
    mv "$work/installed-$2" "$work/$2"
}

flags() { # flags <kind> <pkg-config arguments>
    local kind=$1
    shift
    PKG_CONFIG_PATH=$(dirname "$(find "$work/$kind" -name braid.pc)") pkg-config "$@" braid
}

ask_pkg_config() {
    local kind=$1 program=$work/pkg_config_$1
    # shellcheck disable=SC2046 # flags are words
    quietly g++ "${warnings[@]}" "$here/consumer.cpp" -o "$program" $(flags "$kind" --cflags --libs)
    LD_LIBRARY_PATH=$(flags "$kind" --variable=libdir) says_what_it_should "$program"
    if [[ $kind == static ]]; then
        # shellcheck disable=SC2046
        quietly g++ "$here/consumer.cpp" -o "$program" $(flags "$kind" --cflags --libs --static)
    fi
    if flags "$kind" --atleast-version=99; then fail "pkg-config takes any version"; fi
}

nothing_of_this_machine() {
    local found
    found=$(grep -rlE "$work|$root|/usr/(lib|include)" "$1" --include='*.cmake' --include='*.pc' \
        --include='*.hpp' || true)
    [[ -z $found ]] || fail "paths of this machine in $found"
}

wrong_version_is_named() {
    say "A wrong version is named"
    if cmake -S "$here/find_package" -B "$work/build-wrong" -DWANTED_VERSION=0.99 \
        -DCMAKE_PREFIX_PATH="$work/static" >"$work/log" 2>&1; then
        fail "find_package(braid 0.99) found something"
    fi
    tr '\n' ' ' <"$work/log" | tr -s ' ' |
        grep -q 'compatible with requested version "0.99".*braidConfig.cmake, version: 0.1' ||
        fail "find_package(braid 0.99) does not say which version there is"
}

# What asio and the standard library mark as shared by the whole process stays so: error categories
# are compared by address.
shared_library_is_tidy() {
    local library shown foreign
    local name='^_Z(GV|T[ISVTC])?Z?(N[VKRO]*)?'
    library=$(find "$work/shared" -name 'libbraid.so')
    readelf -d "$library" | grep -q 'SONAME.*libbraid\.so\.[0-9]*\.[0-9]*\]' || fail "no SONAME"
    shown=$(nm -D --defined-only "$library" | awk '{print $3}')
    foreign=$(grep -E "${name}5braid(6crypto|7runtime|9transport|8protocol)" <<<"$shown" || true)
    foreign+=$(grep -vE "$name(5braid|4asio|[0-9]+asio_|9__gnu_cxx|S[a-z]|[a-z]{2})" <<<"$shown" ||
        true)
    [[ -z $foreign ]] || fail "libbraid.so also shows $(c++filt <<<"$foreign" | head -n 20)"
}

headers_stand_alone() {
    local header foreign
    local unwanted='/(asio\.hpp|asio/ip/|spdlog/|fmt/|prometheus/|lz4|sodium|ngtcp2/|gnutls/|xxhash)'
    local cflags
    read -ra cflags <<<"$(flags "$1" --cflags)"
    while read -r header; do
        quietly g++ "${cflags[@]}" "${warnings[@]}" -fsyntax-only -MD -MF "$work/headers.d" \
            -include "$header" -x c++ /dev/null
        foreign=$(grep -oE "[^ ]*$unwanted[^ ]*" "$work/headers.d" || true)
        [[ -z $foreign ]] || fail "$header includes $foreign"
    done < <(cd "$work/$1/include" && find braid -name '*.hpp' | sort)
}

main
