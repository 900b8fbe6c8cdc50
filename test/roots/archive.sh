# shellcheck shell=bash
# Source this file in scripts that download from Debian's archives or from the modules'
# proxy.

# shellcheck disable=SC2034 # those who source this use it
# Options of apt-get and apt-helper: apt itself tries each file several times.
archive_options=(-o Acquire::Retries=5 -o Acquire::http::Timeout=60 -o Acquire::https::Timeout=60)

# retry COMMAND...: tries five times, with pauses of 5, 10, 20 and 40 seconds, because an
# archive may be unreachable for a while. In a function that this runs, set -e has no
# effect: connect its commands with &&.
retry() {
    local n pause=5
    for ((n = 1; n <= 5; n++)); do
        "$@" && return
        ((n == 5)) && break
        printf '%s: attempt %d of 5 failed, the next one is in %d s\n' "$*" "$n" "$pause" >&2
        # sleep: nothing tells when an archive is back
        sleep "$pause"
        pause=$((pause * 2))
    done
    printf '%s: all attempts failed\n' "$*" >&2
    return 1
}
