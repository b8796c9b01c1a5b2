#!/usr/bin/env python3
"""Runs the analyzer and the no-op loop by turns over the same captures and compares them with the limits.

A number alone says little on a machine that others use too; the ratio of two programs that ran by turns says
more. Every file is read once before, so that all runs find it in the page cache. Both programs have one thread,
so their ratio is that of CPU time; wall time stands beside it and needs a machine with nothing else to do.
"""
import argparse
import os
import sys
import time

LIMITS = {"ws": 2.0, "http": 1.5, "noise": 1.0, "hostile": 2.5, "flows": 3.0}
RESIDENT_LIMIT = 48.0  # MiB, on the captures with few connections
GROWTH_LIMIT = 8.0  # MiB between 200 MB and 1 GB
START_LIMIT = 0.050  # seconds
FULL = ["ws-1g", "http-1g", "hostile-1g", "flows-1m", "noise-2g"]
SMALL = ["ws-200m", "http-200m", "hostile-200m", "flows-80k", "noise-200m"]


def run(command):
    """Wall seconds, CPU seconds, peak resident MiB."""
    null = os.open(os.devnull, os.O_WRONLY)
    start = time.perf_counter()
    child = os.posix_spawnp(
        command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]
    )
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    os.close(null)
    code = os.waitstatus_to_exitcode(status)
    if code != 0:
        sys.exit(f"bench: {' '.join(command)} ended with {code}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def warm(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(1 << 22):
            pass


def machine():
    model = "unknown"
    try:
        with open("/proc/cpuinfo") as info:
            for line in info:
                if line.startswith("model name"):
                    model = line.split(":", 1)[1].strip()
                    break
        with open("/proc/meminfo") as info:
            memory = f"{int(info.readline().split()[1]) / 1048576:.0f} GiB"
    except OSError:
        memory = "?"
    return f"{model}, {os.cpu_count()} CPUs, {memory}, {os.uname().sysname} {os.uname().release.split('-')[0]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--loop", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", default="full", choices=["full", "small"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--samples", required=True)
    parser.add_argument("--only", default="", help="profiles to measure, separated by commas")
    options = parser.parse_args()

    arguments = ["analyze", "--fail-on", "never"]
    wanted = [word for word in options.only.split(",") if word]
    broken = []
    rows = []
    resident = {}
    for name in FULL if options.size == "full" else SMALL:
        profile = name.split("-")[0]
        if wanted and profile not in wanted:
            continue
        path = os.path.join(options.data, name + ".pcap")
        ours_command = [options.binary, *arguments, path]
        loop_command = [options.loop, path]
        warm(path)
        run(loop_command)
        run(ours_command)
        ours, loop = [], []
        for _ in range(max(5, options.runs)):
            loop.append(run(loop_command))
            ours.append(run(ours_command))
        ratio = median(o[1] / l[1] for o, l in zip(ours, loop))
        wall_ratio = median(o[0] for o in ours) / median(l[0] for l in loop)
        memory = max(o[2] for o in ours)
        resident[name] = memory
        size = os.path.getsize(path)
        limit = LIMITS[profile]
        rows.append(
            f"| {name} | {size / 1e9:.2f} | {median(o[0] for o in ours):.3f} "
            f"| {median(o[1] for o in ours):.3f} | {median(l[0] for l in loop):.3f} "
            f"| {median(l[1] for l in loop):.3f} | {wall_ratio:.2f} | {ratio:.2f} | {limit:.1f} "
            f"| {memory:.0f} |"
        )
        print(rows[-1], file=sys.stderr, flush=True)
        if ratio > limit:
            broken.append(f"{name}: {ratio:.2f} times the no-op loop, the limit is {limit}")
        if profile != "flows" and memory > RESIDENT_LIMIT:
            broken.append(f"{name}: {memory:.0f} MiB resident, the limit is {RESIDENT_LIMIT:.0f}")

    growth = []
    if options.size == "full":
        for small, large in [("ws-200m", "ws-1g"), ("http-200m", "http-1g"), ("hostile-200m", "hostile-1g"),
                             ("noise-200m", "noise-2g")]:
            if large not in resident:
                continue
            command = [options.binary, *arguments, os.path.join(options.data, small + ".pcap")]
            before = max(run(command)[2] for _ in range(3))
            growth.append(f"| {small} | {before:.1f} | {large} | {resident[large]:.1f} |")
            if resident[large] - before > GROWTH_LIMIT:
                broken.append(f"{large}: {resident[large] - before:.1f} MiB more resident than {small}")

    start = None
    samples = sorted(name for name in os.listdir(options.samples) if name.endswith(".pcap")) \
        if os.path.isdir(options.samples) else []
    if samples:
        command = [options.binary, *arguments, os.path.join(options.samples, samples[0])]
        run(command)
        start = median(run(command)[0] for _ in range(21))
        if start > START_LIMIT:
            broken.append(f"start-up {start * 1000:.1f} ms, the limit is {START_LIMIT * 1000:.0f}")

    print(f"Machine: {machine()}.  ")
    print(f"Date: {time.strftime('%Y-%m-%d')}.  ")
    print(f"Command: `{os.path.basename(options.binary)} {' '.join(arguments)} FILE`, "
          f"{max(5, options.runs)} runs of each by turns, medians; page cache warm.\n")
    print("| capture | GB | ours wall s | ours CPU s | loop wall s | loop CPU s | wall ÷ loop | CPU ÷ loop | limit "
          "| peak RSS MiB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows))
    if growth:
        print("\n| capture | peak RSS MiB | capture | peak RSS MiB |\n|---|--:|---|--:|")
        print("\n".join(growth))
    if start is not None:
        print(f"\nStart-up to end on `samples/{samples[0]}`: {start * 1000:.1f} ms (limit {START_LIMIT * 1000:.0f} ms).")
    for line in broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    sys.exit(1 if broken else 0)


main()
