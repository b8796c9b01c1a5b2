#!/usr/bin/env python3
"""Many new connections for a long time: the memory of a live capture must not grow.

The flows profile of gen.c (short connections with one upgrade each) is made and sent while it runs, over a veth pair.
The capture reports events, and records into a ring of files. Memory is looked at all the time. The tables that compare
exchanges with each other are full after 100,000 of them: from then on it may grow by no more than the slack.

    live-soak.py [--minutes 30] [--rate 50000] [--binary F]

Ends with 1 where memory grew, packets were lost, or not every connection was told of.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from cable import Cable, need

HERE = os.path.dirname(os.path.abspath(__file__))
PACKETS = 16  # of one connection of the profile, on average
SLACK = 4.0  # MiB
WARM_UP = 110_000  # connections


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--rate", type=int, default=50_000, help="new connections a minute")
    arguments.add_argument("--binary", default=os.path.join(HERE, "../.build/release/upgradescope"))
    wanted = arguments.parse_args()
    need("ip", "tcpreplay", "cc")

    flows = int(wanted.minutes * wanted.rate)
    if flows < WARM_UP * 1.2:
        sys.exit(f"too short: the warm-up alone takes {WARM_UP} connections")
    with Cable() as cable, tempfile.TemporaryDirectory() as folder:
        generator = os.path.join(folder, "gen")
        subprocess.run(["cc", "-O2", "-o", generator, os.path.join(HERE, "gen.c")], check=True)
        events = os.path.join(folder, "events.ndjson")
        with open(events, "w") as file:
            running = cable.capture(
                [wanted.binary, "live", "-i", Cable.name, "--fail-on", "never", "-w", os.path.join(folder, "ring.pcapng"),
                 "-b", "filesize:16384", "-b", "files:4", "--only-exchanges"], stdout=subprocess.PIPE)
            # Only the end of the events is of interest: they are counted and forgotten.
            count = subprocess.Popen(
                ["awk", '/^{"event":"exchange"/{n++} /^{"event":"stats"/{print} END{print n+0}'],
                stdin=running.process.stdout, stdout=file)
        source = subprocess.Popen(
            [generator, "-p", "flows", "-f", str(flows), "-6", "0", "-V", "0", "-o", "-"], stdout=subprocess.PIPE)
        pace = wanted.rate * PACKETS // 60
        sender = cable.send("-", [f"--pps={pace}"], stdin=source.stdout)
        start = time.monotonic()
        samples = []
        while sender.poll() is None:
            samples.append((time.monotonic() - start, running.resident()))
            if len(samples) % 30 == 1:
                print(f"{samples[-1][0]:>7.0f} s  {samples[-1][1]:>6.1f} MiB", flush=True)
            time.sleep(1)
        said = sender.stdout.read()
        source.wait()
        running.settle()
        cpu = running.cpu()
        status, words = running.end()
        running.process.stdout.close()
        count.wait()
        with open(events) as file:
            *stats, exchanges = file.read().split("\n")[:-1]
        elapsed = time.monotonic() - start
        summary = json.loads(stats[-1])

    print(said.strip())
    print(words.strip())
    warm = [resident for when, resident in samples if when > WARM_UP / wanted.rate * 60]
    base, peak = warm[0], max(warm)
    connections = summary["connections"]
    print(f"{flows} connections in {elapsed / 60:.1f} minutes, {connections} seen, {exchanges} exchanges told of, "
          f"{cpu:.0f} s of CPU")
    print(f"memory: {base:.1f} MiB after the warm-up, at most {peak:.1f} MiB, {warm[-1]:.1f} MiB at the end")
    problems = []
    if status != 0:
        problems.append(f"it ended with {status}")
    if peak > base + SLACK:
        problems.append(f"memory grew by {peak - base:.1f} MiB")
    if "0 dropped by the kernel" not in words:
        problems.append("packets were dropped")
    # The profile lets some last acknowledgments come seconds late: each is a connection that nobody remembers.
    if int(exchanges) != flows or not flows <= connections <= flows * 1.01:
        problems.append("not every exchange was told of once")
    if problems:
        sys.exit("; ".join(problems))


main()
