"""Two network namespaces with a veth pair between them, for measurements of live captures.

Packets are sent into one end and captured at the other. Nothing else is on the cable: no address, no offload, so
that what arrives is what was sent, packet by packet.
"""
import os
import shutil
import signal
import subprocess
import sys
import time


def need(*programs):
    """Ends the script, with a word, where something is missing that it cannot do without."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        sys.exit(f"missing: {', '.join(missing)} (see TEST_PACKAGES in the Makefile)")
    if os.geteuid() != 0:
        skip("namespaces need root")


def skip(why):
    """Ends the script, loudly but well: this machine does not permit what it needs."""
    print(f"SKIPPED: {why}")
    sys.exit(0)


class Cable:
    """`with Cable() as cable`: the namespaces are gone with the block."""

    name = "cable0"

    def __init__(self):
        self.sender, self.receiver = f"bench{os.getpid()}s", f"bench{os.getpid()}r"

    def __enter__(self):
        made = subprocess.run(["ip", "netns", "add", self.sender], capture_output=True, text=True)
        if made.returncode != 0:
            skip(f"namespaces may not be made: {made.stderr.strip()}")
        self.ip("netns", "add", self.receiver)
        self.ip("link", "add", self.name, "netns", self.sender, "type", "veth", "peer", "name", self.name,
                "netns", self.receiver)
        for host in (self.sender, self.receiver):
            # No address of its own: the hosts would add packets that nobody sent.
            subprocess.run(["ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"],
                           capture_output=True)
            self.ip("-n", host, "link", "set", self.name, "up")
        return self

    def __exit__(self, *_):
        for host in (self.sender, self.receiver):
            subprocess.run(["ip", "netns", "del", host], capture_output=True)

    @staticmethod
    def ip(*arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True)

    def capture(self, command, core=None, ready="listening on", **options):
        """Starts a program at the receiving end and waits until it listens; its words are in `.words`."""
        return Capture(["ip", "netns", "exec", self.receiver] + pinned(core) + command, ready, **options)

    def send(self, path, options, core=None, **more):
        """Starts tcpreplay at the sending end."""
        command = ["tcpreplay", "--no-flow-stats", "-q", "-i", self.name, *options, path]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.sender] + pinned(core) + command,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)


def pinned(core):
    return [] if core is None else ["taskset", "-c", str(core)]


class Capture:
    """A running capture program."""

    def __init__(self, command, ready, **options):
        self.log = f"/tmp/bench-{os.getpid()}-{time.monotonic_ns()}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, **{"stdout": subprocess.DEVNULL, **options})
        limit = time.monotonic() + 10
        while ready not in self.words:
            if self.process.poll() is not None or time.monotonic() > limit:
                sys.exit(f"{' '.join(command)} does not listen: {self.words}")
            time.sleep(0.02)

    @property
    def words(self):
        with open(self.log) as log:
            return log.read()

    def cpu(self):
        """Seconds of processor time so far."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident(self):
        """MiB in memory now."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def settle(self, limit=10):
        """Waits until it has caught up: it no longer computes."""
        end = time.monotonic() + limit
        before = -1.0
        while time.monotonic() < end:
            now = self.cpu()
            if now - before < 0.02 * 0.5:
                return
            before = now
            time.sleep(0.5)

    def end(self, sign=signal.SIGINT):
        """Ends it and gives its status and what it said."""
        self.process.send_signal(sign)
        status = self.process.wait(timeout=120)
        words = self.words
        os.unlink(self.log)
        return status, words
