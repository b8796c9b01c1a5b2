#!/bin/sh
# The same report for one job and for two: over the captures that are measured, byte for byte.
#
#   BENCH_DIR    where the captures are kept (made if they are not there); default /tmp/upgradescope-bench
#   BENCH_SIZE   small: the 200 MB captures; default full
#   BENCH_BINARY the program; default .build/release/upgradescope, built here
# Exits 1 where two reports differ.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
dir=${BENCH_DIR:-/tmp/upgradescope-bench}
size=${BENCH_SIZE:-full}
binary=${BENCH_BINARY:-}

mkdir -p "$dir/bin"
cc -O2 -o "$dir/bin/gen" "$here/gen.c"
if [ -z "$binary" ]; then
    (cd "$root" && "${SWIFT:-swift}" build -c release --product upgradescope >&2)
    binary=$root/.build/release/upgradescope
fi
sh "$here/mkdata.sh" "$dir/bin/gen" "$dir" "$size"

if [ "$size" = small ]; then
    names="ws-200m http-200m hostile-200m noise-200m flows-80k"
else
    names="ws-1g http-1g hostile-1g noise-2g flows-1m"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for name in $names; do
    for jobs in 1 2; do
        # A report of findings is no failure of the run; a crash is.
        "$binary" analyze --jobs "$jobs" --fail-on never --quiet --color never \
            --json "$work/$jobs.json" "$dir/$name.pcap" > "$work/$jobs.txt"
    done
    if cmp -s "$work/1.json" "$work/2.json" && cmp -s "$work/1.txt" "$work/2.txt"; then
        echo "$name: the same, $(wc -c < "$work/1.json") bytes of JSON, sha256 $(sha256sum < "$work/1.json" | cut -c1-16)"
    else
        echo "$name: DIFFERENT" >&2
        status=1
    fi
done
exit $status
