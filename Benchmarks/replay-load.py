#!/usr/bin/env python3
"""Thousands of recorded WebSocket sessions at once against a real server: replay-load.py [--sessions 2000] [--server pyws|lws]

Starts the server (../shared/servers/ctl.py), replays one session of the laboratory many times with the release binary, and prints
what came of it: verdicts, percentiles of the latencies, sessions a second, and what both programs used of the machine. The last
column says what the run waited for: processors, or the server's accept queue. A short session is over before the next begins; so
that all are open at the same time for seconds, one with pauses is said twenty times slower.

Beside the server of Python `--server serve` measures our own stand-in.
"""
import argparse, datetime, glob, json, os, platform, resource, socket, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
SHARED = os.environ.get("UPGRADESCOPE_SHARED") or os.path.join(HERE, "..", "..", "shared")
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def family(pid):
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for task in glob.glob(f"/proc/{parent}/task/*/children"):
            try:
                found += [int(word) for word in open(task).read().split()]
            except OSError:
                pass
    return found


def processor_seconds(pid):
    total = 0
    for one in family(pid):
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICK


def overflows():
    """Connects of this machine that a full accept queue made the kernel forget."""
    names, values = [line.split()[1:] for line in open("/proc/net/netstat") if line.startswith("TcpExt:")]
    return int(dict(zip(names, values))["ListenOverflows"])


def status(pid, key):
    try:
        for line in open(f"/proc/{pid}/status"):
            if line.startswith(key + ":"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class Watch(threading.Thread):
    """Samples of a process while it runs: open files and memory at their most."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.files, self.memory = pid, 0, 0
        self.start()

    def run(self):
        while os.path.exists(f"/proc/{self.pid}"):
            try:
                self.files = max(self.files, len(os.listdir(f"/proc/{self.pid}/fd")))
            except OSError:
                pass
            self.memory = max(self.memory, status(self.pid, "VmHWM"))
            time.sleep(0.05)


def start_server(name, binary, capture, port, most):
    if name == "serve":
        words = [binary, "serve", capture, "--listen", str(port), "--quiet", "--most-connections", str(most + 100)]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        return process.pid, process.terminate
    control = os.path.join(SHARED, "servers", "ctl.py")
    started = subprocess.run(
        [sys.executable, control, "start", name, "--port", str(port)], check=True, capture_output=True, text=True)
    stop = lambda: subprocess.run([sys.executable, control, "stop", f"{name}:{port}"], stdout=subprocess.DEVNULL)
    return json.loads(started.stdout)["pid"], stop


def run(options, title, arguments, capture=None):
    capture = capture or options.capture
    port = free_port()
    server, stop = start_server(options.server, options.binary, capture, port, options.sessions)
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.json")
            before, lost, start = processor_seconds(server), overflows(), time.monotonic()
            words = [options.binary, "replay", capture, "--to", f"ws://127.0.0.1:{port}", "--json", report,
                     "--quiet", "--timeout", "30s"] + arguments
            process = subprocess.Popen(words)
            ours, theirs = Watch(process.pid), Watch(server)
            _, code, used = os.wait4(process.pid, 0)
            wall = time.monotonic() - start
            of_server = processor_seconds(server) - before
            found = json.load(open(report))
    finally:
        stop()
    of_ours = used.ru_utime + used.ru_stime
    summary = found["summary"]
    load = summary.get("load", {})
    latencies = summary["latency_ms"]
    shares = [of_ours / wall, of_server / wall]
    limit = f"ours {shares[0]:.0%}, server {shares[1]:.0%} of a core"
    if sum(shares) > 0.85 * os.cpu_count():
        limit += ": no core is left"
    elif shares[1] > 0.9:
        limit += ": the server's only one"
    if lost := overflows() - lost:
        limit += f"; {lost} times a connect met the server's full accept queue and was tried again 1 s later"
    session = latencies["session"]
    handshake, message = latencies["handshake"], latencies.get("message", latencies["session"])
    cells = [
        title, f"{sum(summary[v] for v in ('same', 'differs', 'failed')):,}", f"{summary['same']:,}",
        str(load.get("most_concurrent", "")), f"{wall:.1f}", f"{sum(summary[v] for v in ('same', 'differs', 'failed')) / wall:.0f}",
        *(f"{handshake[p]:.1f}" for p in ("p50", "p99")), *(f"{message[p]:.1f}" for p in ("p50", "p99", "p99_9")),
        *(f"{session[p]:.1f}" for p in ("p50", "p99")), f"{of_ours:.1f}", f"{of_server:.1f}", str(ours.files),
        f"{used.ru_maxrss >> 10}", f"{theirs.memory >> 10}", limit,
    ]
    print("| " + " | ".join(cells) + " |", flush=True)
    return code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=os.path.join(HERE, "..", ".build", "release", "upgradescope"))
    parser.add_argument("--server", default="pyws")
    parser.add_argument("--capture", default=os.path.join(SHARED, "captures", "lab", "A06-py-mixed.pcap"))
    parser.add_argument("--long", default=os.path.join(SHARED, "captures", "lab", "L05-full.pcap"),
                        help="a session with pauses, said twenty times slower")
    parser.add_argument("--sessions", type=int, default=2000, help="sessions at the same time")
    parser.add_argument("--rate", type=int, default=200, help="sessions begun a second in the run by rate")
    options = parser.parse_args()
    for needed in (options.binary, options.capture, options.long):
        if not os.path.exists(needed):
            sys.exit(f"{needed} is not there")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    print(f"Machine: {model}, {os.cpu_count()} CPUs, {memory + 1} GiB, {platform.system()} {platform.release()}; "
          f"{hard} open files.  ")
    print(f"Date: {datetime.date.today()}.  ")
    print(f"Command: `Benchmarks/replay-load.py {' '.join(sys.argv[1:])}`.\n".replace(" `.", "`."))
    print("| run | sessions | same | at once | s | sessions/s | handshake p50 ms | p99 | message p50 ms | p99 | p99.9 "
          "| session p50 ms | p99 | our CPU s | server CPU s | our files | our MiB | server MiB | what was waited for |")
    print("|---|" + "--:|" * 17 + "---|")
    n = options.sessions
    codes = [
        run(options, "one at a time", ["--repeat", "500"]),
        run(options, f"{n} at once", ["--concurrency", str(n), "--repeat", str(2 * n)]),
        run(options, f"{n} held open, ramp 5 s",
            ["--concurrency", str(n), "--repeat", str(2 * n), "--ramp", "5s", "--pace", "x0.05"], options.long),
        run(options, f"{options.rate} a second",
            ["--rate", str(options.rate), "--repeat", str(10 * options.rate), "--ramp", "1s"]),
    ]
    sys.exit(max(codes))


main()
