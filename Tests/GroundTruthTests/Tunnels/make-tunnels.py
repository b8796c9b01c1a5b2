#!/usr/bin/env python3
"""Makes the captures beside this file: a WebSocket session each, through IP in IP and through Teredo.

Two network namespaces are joined by a veth pair. In each a TUN device leads to a process here, which puts every packet
into another and sends that over the pair: IPv4 in IPv4 (RFC 2003), IPv6 in IPv6 (RFC 2473), IPv6 in UDP (Teredo,
RFC 4380 5.2.3, without origin indication). Both ends of the session are the kernel's TCP; what is captured is what lies
on the pair. Needs root and tcpdump.

    make-tunnels.py DIRECTORY
"""

import base64, ctypes, fcntl, hashlib, os, select, signal, socket, struct, subprocess, sys, time

PAIR = {"one": "us-tunnel-one", "two": "us-tunnel-two"}
OUTER = {4: {"one": "192.0.2.1", "two": "192.0.2.2"}, 6: {"one": "2001:db8:1::1", "two": "2001:db8:1::2"}}
KINDS = {
    "ipv4-in-ipv4": {"outer": 4, "inner": {"one": "10.9.0.1", "two": "10.9.0.2"}, "bits": 24, "mtu": 1400},
    "ipv6-in-ipv6": {"outer": 6, "inner": {"one": "fd09::1", "two": "fd09::2"}, "bits": 64, "mtu": 1400},
    # The client's IPv4 address and port stand in its IPv6 address, inverted (RFC 4380 4).
    "teredo": {
        "outer": 4,
        "inner": {"one": "2001:0:c000:202:0:f227:3fff:fdfe", "two": "2001:0:c000:202:0:f227:3fff:fdfd"},
        "bits": 32,
        "mtu": 1280,
    },
}
TEREDO_PORT = 3544


def run(*words):
    subprocess.run(words, check=True)


def inside(name, body):
    """Runs `body` in a process of its own in that namespace; gives its pid."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with open(f"/run/netns/{PAIR[name]}") as namespace:
            # CLONE_NEWNET; Python has it from 3.12 on.
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        body()
        status = 0
    except Exception as problem:
        print(f"{name}: {problem!r}", file=sys.stderr)
    finally:
        os._exit(status)


def open_tun():
    device = os.open("/dev/net/tun", os.O_RDWR)
    # IFF_TUN without packet information.
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"tun0", 0x1001))
    return device


def tunnel(kind, name):
    """Carries packets between the TUN device and the pair until it is stopped."""
    told = KINDS[kind]
    peer = "two" if name == "one" else "one"
    device = open_tun()
    run("ip", "address", "add", f"{told['inner'][name]}/{told['bits']}", "dev", "tun0", *(["nodad"] if ":" in told["inner"][name] else []))
    run("ip", "link", "set", "tun0", "mtu", str(told["mtu"]), "up")
    family = socket.AF_INET if told["outer"] == 4 else socket.AF_INET6
    here, there = OUTER[told["outer"]][name], OUTER[told["outer"]][peer]
    if kind == "teredo":
        carrier = socket.socket(family, socket.SOCK_DGRAM)
        carrier.bind((here, TEREDO_PORT))
        there = (there, TEREDO_PORT)
    else:
        carrier = socket.socket(family, socket.SOCK_RAW, 4 if told["outer"] == 4 else 41)
        there = (there, 0)
    while True:
        for ready in select.select([device, carrier], [], [])[0]:
            if ready is device:
                packet = os.read(device, 4096)
                # Nothing but the session: no neighbour discovery, no multicast.
                protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
                if protocol == 6:
                    carrier.sendto(packet, there)
            else:
                packet = carrier.recv(4096)
                # A raw IPv4 socket shows the outer header as well.
                if kind == "ipv4-in-ipv4":
                    packet = packet[(packet[0] & 15) * 4 :]
                os.write(device, packet)


def frame(opcode, payload, mask=b""):
    first = bytes([0x80 | opcode, len(payload) | (0x80 if mask else 0)])
    return first + mask + (bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if mask else payload)


def read_head(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += stream.recv(1)
    return head


def serve(kind):
    family = socket.AF_INET6 if ":" in KINDS[kind]["inner"]["two"] else socket.AF_INET
    listener = socket.socket(family)
    listener.bind((KINDS[kind]["inner"]["two"], 80))
    listener.listen(1)
    stream, _ = listener.accept()
    head = read_head(stream)
    key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    stream.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + accept + b"\r\n\r\n"
    )
    stream.recv(100)
    stream.sendall(frame(1, f"hello from inside {kind}".encode()))
    stream.recv(100)
    stream.sendall(frame(8, struct.pack(">H", 1000)))
    stream.close()


def ask(kind):
    host = KINDS[kind]["inner"]["two"]
    stream = socket.create_connection((host, 80), timeout=10)
    name = f"[{host}]" if ":" in host else host
    stream.sendall(
        b"GET /tunnel HTTP/1.1\r\nHost: " + name.encode() + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(os.urandom(16)) + b"\r\n\r\n"
    )
    read_head(stream)
    stream.sendall(frame(1, f"hello through {kind}".encode(), os.urandom(4)))
    stream.recv(100)
    stream.sendall(frame(8, struct.pack(">H", 1000), os.urandom(4)))
    while stream.recv(100):
        pass
    stream.close()


def capture(kind, path):
    for name in PAIR.values():
        run("ip", "netns", "add", name)
    started = []
    try:
        run("ip", "link", "add", "us-pair", "netns", PAIR["one"], "type", "veth", "peer", "name", "us-pair", "netns", PAIR["two"])
        for name, namespace in PAIR.items():
            where = ["ip", "-n", namespace]
            for outer, bits in ((4, 24), (6, 64)):
                no_wait = ["nodad"] if outer == 6 else []
                run(*where, "address", "add", f"{OUTER[outer][name]}/{bits}", "dev", "us-pair", *no_wait)
            run(*where, "link", "set", "us-pair", "up")
        time.sleep(1)
        for name in PAIR:
            started.append(inside(name, lambda name=name: tunnel(kind, name)))
        time.sleep(0.5)
        wanted = {"teredo": f"udp port {TEREDO_PORT}", "ipv4-in-ipv4": "ip proto 4", "ipv6-in-ipv6": "ip6 proto 41"}[kind]
        dump = subprocess.Popen(
            ["ip", "netns", "exec", PAIR["one"], "tcpdump", "-q", "--immediate-mode", "-U", "-i", "us-pair", "-w", path, wanted],
        )
        started.append(dump.pid)
        time.sleep(1)
        server = inside("two", lambda: serve(kind))
        time.sleep(0.3)
        client = inside("one", lambda: ask(kind))
        for process in (client, server):
            if os.waitpid(process, 0)[1] != 0:
                raise SystemExit(f"{kind}: the session failed")
        time.sleep(0.5)
        dump.send_signal(signal.SIGINT)
        dump.wait()
        started.remove(dump.pid)
    finally:
        for process in started:
            os.kill(process, signal.SIGKILL)
        for name in PAIR.values():
            run("ip", "netns", "delete", name)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    for kind in KINDS:
        capture(kind, os.path.join(sys.argv[1], f"{kind}.pcap"))
