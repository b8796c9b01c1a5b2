#!/bin/sh
# Feeds one reader for some seconds: Fuzz/run.sh NAME SECONDS. NAME "all" takes one after the other.
#
# What breaks an invariant is kept in crashes/NAME/ and from then on replayed by `make test`.
set -eu
cd "$(dirname "$0")"
names="capture dissector analyzer request-head response-head chunked websocket http2 utf8 client-hello json har report"
name=${1:?"usage: Fuzz/run.sh NAME SECONDS, NAME one of: $names all"}
seconds=${2:-60}
scratch=../.build-fuzz

# Of two sanitizers the one named last decides about coverage, and their order is not ours to say: it is asked for.
swift build -c release --sanitize=fuzzer --sanitize=address -Xswiftc -enable-testing \
    -Xswiftc -sanitize-coverage=edge,indirect-calls,trace-cmp,inline-8bit-counters,pc-table --scratch-path "$scratch"
python3 seed.py ../samples "$scratch/seeds"

# A crash must end the program at once: the runtime's own backtracer would hold on to it.
export ASAN_OPTIONS=symbolize=0:detect_leaks=0 SWIFT_BACKTRACE=enable=no
[ "$name" = all ] || names=$name
status=0
for name in $names; do
    mkdir -p "$scratch/corpus/$name" "crashes/$name"
    longest=4096
    case $name in capture | analyzer | har) longest=65536 ;; esac
    echo "$name: $seconds s"
    FUZZ=$name timeout -k 2 $((seconds + 30)) "$scratch/release/Fuzz" -max_total_time="$seconds" -max_len=$longest \
        -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 -artifact_prefix="crashes/$name/" \
        "$scratch/corpus/$name" "$scratch/seeds/$name" || status=1
    rmdir "crashes/$name" 2>/dev/null || true
done
exit $status
