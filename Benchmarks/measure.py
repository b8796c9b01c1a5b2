#!/usr/bin/env python3
"""Runs the analyzer and the no-op loop by turns over the same captures and compares them with the limits.

A number alone says little on a machine that others use too; the ratio of two programs that ran by turns says
more. Every file is read once before, so that all runs find it in the page cache. Both programs have one thread,
so their ratio is that of CPU time; wall time stands beside it and needs a machine with nothing else to do.

Where exchanges are many, what one of them costs is printed for each output: microseconds, and how often memory is
allocated. valgrind counts that in two short captures; the difference between them is free of what every run costs.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

LIMITS = {"ws": 2.0, "http": 1.5, "noise": 1.0, "hostile": 2.5, "flows": 20.0}
# What is written while this is measured; every profile is measured with text.
OUTPUTS = {"text": [], "events": ["--format", "ndjson"]}
BOTH = ["flows"]  # profiles in which nearly all work is about exchanges
EXCHANGES = {"flows-1m": 1_000_000, "flows-80k": 80_000}
SHORT = (1500, 4500)  # flows in the captures that allocations are counted in
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


def allocations(binary, arguments, generator):
    """How often one exchange allocates memory; `None` where that cannot be counted."""
    if not shutil.which("valgrind") or not shutil.which("strip") or not os.path.exists(generator):
        return None
    counts = []
    with tempfile.TemporaryDirectory() as directory:
        # valgrind gives up over the debug information of Swift.
        program = os.path.join(directory, "program")
        subprocess.run(["strip", "-o", program, binary], check=True)
        for flows in SHORT:
            path = os.path.join(directory, "flows.pcap")
            subprocess.run([generator, "-p", "flows", "-f", str(flows), "-c", "100", "-o", path], check=True,
                           stderr=subprocess.DEVNULL)
            log = os.path.join(directory, "log")
            subprocess.run(["valgrind", "--leak-check=no", "--undef-value-errors=no", f"--log-file={log}",
                            program, *arguments, path], stdout=subprocess.DEVNULL, check=True)
            with open(log) as file:
                found = re.search(r"total heap usage: ([\d,]+) allocs", file.read())
            if not found:
                return None
            counts.append(int(found.group(1).replace(",", "")))
    return (counts[1] - counts[0]) / (SHORT[1] - SHORT[0])


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
    parser.add_argument("--generator", default="", help="what makes the captures that allocations are counted in")
    parser.add_argument("--only", default="", help="profiles to measure, separated by commas")
    options = parser.parse_args()

    arguments = ["analyze", "--fail-on", "never"]
    wanted = [word for word in options.only.split(",") if word]
    broken = []
    rows = []
    resident = {}
    costs = []
    for name in FULL if options.size == "full" else SMALL:
        profile = name.split("-")[0]
        if wanted and profile not in wanted:
            continue
        path = os.path.join(options.data, name + ".pcap")
        loop_command = [options.loop, path]
        warm(path)
        run(loop_command)
        outputs = OUTPUTS if profile in BOTH else {"text": OUTPUTS["text"]}
        commands = {output: [options.binary, *arguments, *more, path] for output, more in outputs.items()}
        for command in commands.values():
            run(command)
        loop, ours = [], {output: [] for output in outputs}
        for _ in range(max(5, options.runs)):
            loop.append(run(loop_command))
            for output, command in commands.items():
                ours[output].append(run(command))
        size = os.path.getsize(path)
        limit = LIMITS[profile]
        for output, taken in ours.items():
            ratio = median(o[1] / l[1] for o, l in zip(taken, loop))
            wall_ratio = median(o[0] for o in taken) / median(l[0] for l in loop)
            memory = max(o[2] for o in taken)
            if output == "text":
                resident[name] = memory
            rows.append(
                f"| {name} | {output} | {size / 1e9:.2f} | {median(o[0] for o in taken):.3f} "
                f"| {median(o[1] for o in taken):.3f} | {median(l[0] for l in loop):.3f} "
                f"| {median(l[1] for l in loop):.3f} | {wall_ratio:.2f} | {ratio:.2f} | {limit:.1f} "
                f"| {memory:.0f} |"
            )
            print(rows[-1], file=sys.stderr, flush=True)
            if ratio > limit:
                broken.append(f"{name}, {output}: {ratio:.2f} times the no-op loop, the limit is {limit}")
            if profile not in BOTH and memory > RESIDENT_LIMIT:
                broken.append(f"{name}: {memory:.0f} MiB resident, the limit is {RESIDENT_LIMIT:.0f}")
            if name in EXCHANGES:
                cost = median(o[1] for o in taken) / EXCHANGES[name] * 1e6
                count = allocations(options.binary, [*arguments, *OUTPUTS[output]], options.generator)
                costs.append(f"| {output} | {cost:.1f} | {'not counted' if count is None else f'{count:.0f}'} |")
                print(costs[-1], file=sys.stderr, flush=True)

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
    print(f"Command: `{os.path.basename(options.binary)} {' '.join(arguments)} FILE`, for events with "
          f"`{' '.join(OUTPUTS['events'])}`, {max(5, options.runs)} runs of each by turns, medians; page cache warm.\n")
    print("| capture | output | GB | ours wall s | ours CPU s | loop wall s | loop CPU s | wall ÷ loop | CPU ÷ loop | limit "
          "| peak RSS MiB |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows))
    if costs:
        print("\n| one exchange of flows | CPU µs | allocations |\n|---|--:|--:|")
        print("\n".join(costs))
    if growth:
        print("\n| capture | peak RSS MiB | capture | peak RSS MiB |\n|---|--:|---|--:|")
        print("\n".join(growth))
    if start is not None:
        print(f"\nStart-up to end on `samples/{samples[0]}`: {start * 1000:.1f} ms (limit {START_LIMIT * 1000:.0f} ms).")
    for line in broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    sys.exit(1 if broken else 0)


main()
