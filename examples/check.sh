#!/usr/bin/env bash
# Runs one example as a reader would, and fails if it does not print what its line in README.md
# says: check.sh <example> <folder of the programs>.
set -euo pipefail

example=$1
programs=$2
folder=$(mktemp -d)
servers=()
trap 'kill "${servers[@]}" 2>/dev/null || true; rm -rf "$folder"' EXIT

run() {
    timeout 60 "$programs/$example" "$@"
}

# Starts a server on a free port; sets `address` and `log`.
serve() {
    log=$folder/server
    touch "$log"
    "$programs/$example" "$@" >"$log" 2>&1 &
    servers+=($!)
    for _ in {1..200}; do
        address=$(sed -n 's/^listening on //p' "$log")
        if [[ -n "$address" ]]; then return; fi
        kill -0 "${servers[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$log" >&2
    echo "The server did not say where it listens." >&2
    exit 1
}

stop_server() {
    kill -INT "${servers[-1]}"
    wait "${servers[-1]}"
    servers=()
}

# Fails unless all the words are found in a file.
expect() {
    local file=$1 words
    shift
    for words in "$@"; do
        grep -qE -- "$words" "$file" && continue
        printf 'Nothing in this matches "%s":\n' "$words" >&2
        cat "$file" >&2
        exit 1
    done
}

hello() {
    local where
    for where in tcp://127.0.0.1:0 "tcp://[::1]:0" mpsc://1; do
        run "$where" >"$folder/out"
        expect "$folder/out" "Got message: Hello World" "Got answer: Hello yourself"
    done
    if run udp:/nowhere >"$folder/out" 2>&1; then exit 1; fi
    expect "$folder/out" "udp:/nowhere"
}

echo_server() {
    serve tcp://127.0.0.1:0
    printf 'one\ntwo words\n' | run --ask "$address" >"$folder/out"
    expect "$folder/out" '^one$' '^two words$'
    stop_server
    expect "$log" "came" "left" "shutting down"
    if run --ask "$address" >"$folder/out" 2>&1 </dev/null; then exit 1; fi
    expect "$folder/out" "refused"
}

promises() {
    run >"$folder/out"
    expect "$folder/out" \
        "1000 of 1000, the last was 999, in order  <- reliable" \
        "1000 of 1000, the last was 999.*  <- guaranteed" \
        "[0-9]+ of 1000, the last was 999, in order  <- latest only" \
        "[0-9]+ of 1000, the last was [0-9]+, in order  <- time to live"
}

broadcast() {
    local where
    for where in tcp://127.0.0.1:0 mpsc://1; do
        run 50 "$where" >"$folder/out"
        expect "$folder/out" "sent 16407 bytes to 50 clients" "50 of 50 have the whole world"
    done
}

tick_server() {
    run 120 >"$folder/out"
    expect "$folder/out" "^listening on" "^120 ticks, 3 clients" \
        "^bot 1: [1-9][0-9]* snapshots, [1-9][0-9]* bytes, knows 3 players" \
        "^bot 2: .* knows 3 players" "^bot 3: .* knows 3 players"
}

chat() {
    serve --serve tcp://127.0.0.1:0
    # Two guests who take turns: each waits until the other's line is there.
    mkfifo "$folder/anna" "$folder/otto"
    run anna "$address" <"$folder/anna" >"$folder/anna.out" &
    local anna=$!
    run otto "$address" <"$folder/otto" >"$folder/otto.out" &
    local otto=$!
    exec 7>"$folder/anna" 8>"$folder/otto"
    wait_for "$log" "anna is in hall"
    wait_for "$log" "otto is in hall"
    echo "good evening" >&7
    wait_for "$folder/otto.out" "^anna: good evening"
    echo "/join kitchen" >&8
    wait_for "$folder/anna.out" "otto has left"
    echo "who is here?" >&8
    wait_for "$folder/otto.out" "^otto: who is here"
    echo "/quit" >&7
    echo "/quit" >&8
    wait "$anna"
    wait "$otto"
    exec 7>&- 8>&-
    if grep -q "who is here" "$folder/anna.out"; then exit 1; fi
    stop_server
    expect "$log" '^\[kitchen\] otto: who is here'
}

wait_for() {
    for _ in {1..400}; do
        if grep -qE -- "$2" "$1" 2>/dev/null; then return; fi
        sleep 0.05
    done
    expect "$1" "$2"
}

run --help >"$folder/help"
expect "$folder/help" "$example"
"$example"
