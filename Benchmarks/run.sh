#!/bin/sh
# Measures the release binary against a libpcap loop that only counts packets. Called by `make bench`.
#
#   BENCH_DIR    where the captures are made and kept (about 9 GB; a tmpfs or a disk); default /tmp/upgradescope-bench
#   BENCH_SIZE   small: 200 MB captures only, for a quick look; default full
#   BENCH_RUNS   interleaved runs of each pair, at least 5; default 5
#   BENCH_BINARY the program to measure; default .build/release/upgradescope, built here
# Allocations are counted where valgrind is installed.
# Exits 1 when a limit is broken.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
dir=${BENCH_DIR:-/tmp/upgradescope-bench}
size=${BENCH_SIZE:-full}
runs=${BENCH_RUNS:-5}
binary=${BENCH_BINARY:-}

command -v cc >/dev/null || { echo "bench: a C compiler is needed (cc)" >&2; exit 1; }
command -v python3 >/dev/null || { echo "bench: python3 is needed" >&2; exit 1; }
mkdir -p "$dir/bin"
cc -O2 -o "$dir/bin/gen" "$here/gen.c"
cc -O2 -o "$dir/bin/nextex" "$here/nextex.c" -lpcap ||
    { echo "bench: libpcap-dev is needed" >&2; exit 1; }
cc -O2 -o "$dir/bin/readwalk" "$here/readwalk.c"
if [ -z "$binary" ]; then
    (cd "$root" && "${SWIFT:-swift}" build -c release --product upgradescope >&2)
    binary=$root/.build/release/upgradescope
fi
sh "$here/mkdata.sh" "$dir/bin/gen" "$dir" "$size"
exec python3 "$here/measure.py" --binary "$binary" --loop "$dir/bin/nextex" --data "$dir" --size "$size" \
    --runs "$runs" --samples "$root/samples" --generator "$dir/bin/gen"
