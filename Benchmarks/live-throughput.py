#!/usr/bin/env python3
"""How many packets a second a live capture takes without a drop, beside tcpdump -w and dumpcap in the same run.

The ws profile of gen.c is sent over a veth pair, faster from round to round. Each program captures by turns with the
same buffer, on one core; the sender has another. A program that lost nothing where another did is not better by that:
these are machines that others use too. What counts is that `live -w` loses nothing where the other two do not.

    live-throughput.py [--binary F] [--capture F] [--rates 50000,100000,...,top] [--buffer KIB] [--memory]

Ends with 1 where `live -w` dropped at a rate at which tcpdump and dumpcap did not.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from cable import Cable, need

HERE = os.path.dirname(os.path.abspath(__file__))


def number(pattern, words):
    found = re.search(pattern, words)
    return int(found.group(1)) if found else -1


def programs(binary, folder, buffer):
    """Name, command, where the counts stand: packets taken and packets dropped."""
    target = os.path.join(folder, "recording")
    live = [binary, "live", "-i", Cable.name, "-B", buffer, "--fail-on", "never"]
    ours = lambda words: (number(r"(\d+) packets?, ", words), number(r"(\d+) dropped by the kernel", words))
    yield "live", live, "listening on", ours
    yield "live -w", [*live, "-w", target], "listening on", ours
    yield ("tcpdump -w", ["tcpdump", "-Z", "root", "-n", "-i", Cable.name, "-B", buffer, "-w", target], "listening on",
           lambda words: (number(r"(\d+) packets? captured", words), number(r"(\d+) packets? dropped by kernel", words)))
    if shutil.which("dumpcap"):
        # dumpcap counts its buffer in MiB.
        yield ("dumpcap", ["dumpcap", "-q", "-i", Cable.name, "-B", str(int(buffer) // 1024), "-w", target], "File:",
               lambda words: (number(r"Packets captured: (\d+)", words),
                              number(r"interface '[^']*': \d+/(\d+)", words)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--binary", default=os.path.join(HERE, "../.build/release/upgradescope"))
    arguments.add_argument("--capture", help="a capture to send instead of 1 GB of the ws profile")
    arguments.add_argument("--rates", default="50000,100000,200000,300000,400000,top", help="packets a second")
    arguments.add_argument("--buffer", default="32768", help="KiB of the kernel's buffer")
    arguments.add_argument("--memory", action="store_true", help="record into memory (/dev/shm), not to the disk")
    wanted = arguments.parse_args()
    need("ip", "tcpreplay", "tcpdump", "taskset")

    failed = False
    with Cable() as cable, tempfile.TemporaryDirectory(dir="/dev/shm" if wanted.memory else None) as folder:
        capture = wanted.capture
        if not capture:
            capture, generator = os.path.join(folder, "ws.pcap"), os.path.join(folder, "gen")
            subprocess.run(["cc", "-O2", "-o", generator, os.path.join(HERE, "gen.c")], check=True)
            subprocess.run([generator, "-p", "ws", "-b", "1g", "-o", capture], check=True)
        print(f"{'rate':>9} {'sent':>9} {'packets/s':>9}  {'program':<11} {'taken':>9} {'dropped':>8} {'CPU s':>6}")
        for rate in wanted.rates.split(","):
            dropped = {}
            for name, command, ready, counts in programs(wanted.binary, folder, wanted.buffer):
                running = cable.capture(command, core=1, ready=ready)
                pace = ["--topspeed"] if rate == "top" else [f"--pps={rate}"]
                said, _ = cable.send(capture, ["--preload-pcap", *pace], core=0).communicate()
                running.settle()
                spent = running.cpu()
                _, words = running.end()
                taken, lost = counts(words)
                sent = number(r"Actual: (\d+) packets", said)
                speed = re.search(r"([\d.]+) pps", said)
                dropped[name] = sent - taken
                print(f"{rate:>9} {sent:>9} {float(speed.group(1)) if speed else 0:>9.0f}  {name:<11} {taken:>9} "
                      f"{max(lost, sent - taken):>8} {spent:>6.2f}", flush=True)
            others = [dropped[name] for name in ("tcpdump -w", "dumpcap") if name in dropped]
            if dropped["live -w"] > 0 and not any(lost > 0 for lost in others):
                failed = True
    if failed:
        sys.exit("live -w dropped packets at a rate at which the others did not")


main()
