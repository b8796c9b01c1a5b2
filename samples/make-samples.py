#!/usr/bin/env python3
"""Makes the samples. The same input gives the same bytes.

    make-samples.py [LAB]

Those that no lab capture shows are written packet by packet with documentation addresses (RFC 5737). With the
folder of the lab's captures as argument, the others are copied from there under the sentence that names them;
where two or three captures make one sample, their packets are joined in the order of time.
"""
import base64
import hashlib
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

FROM_LAB = {
    "clean-session": ["A11-ipv6"],
    "client-frame-unmasked": ["B08-unmasked-client"],
    "reserved-bit-set-and-text-not-utf8": ["B10-rsv-bits", "B16f-invalid-utf8"],
    "accept-key-wrong-and-extension-not-offered": ["B05-wrong-accept", "B07-unoffered-extension"],
    "upgrade-without-connection-option": ["B15e-no-connection"],
    "101-without-an-offer-or-a-protocol": [
        "B14a-101-without-upgrade", "B14b-101-unsolicited", "B14c-101-not-offered"],
    "426-without-upgrade": ["C07-apache-proxy"],
    "upgrade-redirected": ["B01-refused-301"],
    "server-closed-without-an-answer": ["B14k-incomplete"],
    "request-behind-a-refused-upgrade-answered": ["F02a-optimistic-refused-smuggle-nginx-static"],
    "connect-refused-and-the-next-request-answered": ["F06-connect-refused-smuggle-apache-fwd-403"],
    "datagrams-sent-before-the-101": ["K04-connect-udp-optimistic"],
    "h2c-by-upgrade": ["D02-nghttp-u"],
    "one-direction-captured": ["L04-one-direction-client"],
    "capture-starts-mid-session": ["L03-mid-connection"],
    "encrypted-without-keys": ["H05-wss-no-keys"],
}

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1767225600 * 1_000_000  # 2026-01-01T00:00:00Z in microseconds


class Capture:
    """Packets of a pcap file (microseconds, Ethernet)."""

    def __init__(self):
        self.packets = []
        self.time = START

    def write(self, name):
        with open(os.path.join(HERE, name + ".pcap"), "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
            for time, data in self.packets:
                file.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(data), len(data)))
                file.write(data)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Connection:
    """A TCP connection whose sides take turns."""

    def __init__(self, capture, client=("192.0.2.10", 49152), server=("198.51.100.20", 80), delay=100):
        self.capture = capture
        self.ends = {"c": client, "s": server}
        self.sent = {"c": 1000, "s": 9000}
        self.identification = {"c": 100, "s": 700}
        self.delay = delay
        self.copies = False
        self.packet("c", SYN)
        self.sent["c"] += 1
        self.packet("s", SYN | ACK)
        self.sent["s"] += 1
        self.packet("c", ACK)

    def packet(self, side, flags, data=b"", captured=True):
        other = "s" if side == "c" else "c"
        self.capture.time += self.delay
        self.identification[side] += 1
        address = [bytes(int(part) for part in self.ends[end][0].split(".")) for end in (side, other)]
        acknowledged = self.sent[other] if flags & ACK else 0
        head = struct.pack(
            ">HHIIBBHHH", self.ends[side][1], self.ends[other][1], self.sent[side], acknowledged, 0x50, flags,
            64240, 0, 0)
        pseudo = address[0] + address[1] + struct.pack(">BBH", 0, 6, len(head) + len(data))
        head = head[:16] + struct.pack(">H", checksum(pseudo + head + data)) + head[18:]
        outer = struct.pack(
            ">BBHHHBBH", 0x45, 0, 40 + len(data), self.identification[side], 0x4000, 64, 6, 0) + b"".join(address)
        outer = outer[:10] + struct.pack(">H", checksum(outer)) + outer[12:]
        macs = {"c": bytes.fromhex("020000000001"), "s": bytes.fromhex("020000000002")}
        frame = macs[other] + macs[side] + b"\x08\x00" + outer + head + data
        if captured:
            self.capture.packets.append((self.capture.time, frame))
            if self.copies:
                self.capture.packets.append((self.capture.time + 12, frame))
                self.capture.time += 12

    def say(self, side, data, captured=True):
        self.packet(side, PSH | ACK, data, captured)
        self.sent[side] += len(data)

    def acknowledge(self, side):
        self.packet(side, ACK)

    def close(self, first="c"):
        for side in (first, "s" if first == "c" else "c"):
            self.packet(side, FIN | ACK)
            self.sent[side] += 1
        self.acknowledge(first)


def head(*lines):
    return "".join(line + "\r\n" for line in lines).encode() + b"\r\n"


def frame(opcode, payload, masked):
    key = b"\x37\xfa\x21\x3d"
    length = bytes([len(payload) | (0x80 if masked else 0)])
    body = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload)) if masked else payload
    return bytes([0x80 | opcode]) + length + (key if masked else b"") + body


KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(
    hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def request(target, host, *more):
    return head(
        f"GET {target} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}", *(more or ["Sec-WebSocket-Version: 13"]))


SWITCH = head(
    "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
    f"Sec-WebSocket-Accept: {ACCEPT}")
CLOSE = b"\x03\xe8"


def cookie_and_foreign_origin():
    capture = Capture()
    talk = Connection(capture)
    talk.say("c", request(
        "/account", "bank.example", "Sec-WebSocket-Version: 13", "Origin: https://evil.example",
        "Cookie: session=6f1d0c9e"))
    talk.say("s", SWITCH)
    talk.say("c", frame(1, b"balance", True))
    talk.say("s", frame(1, b'{"balance": 1204}', False))
    talk.say("c", frame(8, CLOSE, True))
    talk.say("s", frame(8, CLOSE, False))
    talk.close("s")
    capture.write("cookie-in-clear-and-a-foreign-origin")


def two_body_lengths():
    capture = Capture()
    talk = Connection(capture, client=("192.0.2.11", 49153), server=("198.51.100.21", 8080))
    talk.say("c", head(
        "POST /session HTTP/1.1", "Host: device.example", "Upgrade: telemetry/2", "Connection: Upgrade",
        "Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n" + b"\x01\x00\x08register")
    talk.say("s", head(
        "HTTP/1.1 101 Switching Protocols", "Upgrade: telemetry/2", "Connection: Upgrade"))
    talk.say("s", b"\x02\x00\x00")
    talk.acknowledge("c")
    talk.close("c")
    capture.write("two-body-lengths-and-bytes-before-the-101")


def refused_upgrade_as_tunnel():
    capture = Capture()
    talk = Connection(capture, client=("192.0.2.12", 49154), server=("198.51.100.22", 8080))
    talk.say("c", request(
        "/socket", "app.example", "Sec-WebSocket-Version: 1337", "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Proto: https"))
    talk.say("s", head(
        "HTTP/1.1 426 Upgrade Required", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Content-Length: 0"))
    talk.acknowledge("c")
    talk.say("c", head("GET /internal/users HTTP/1.1", "Host: localhost"))
    talk.say("s", head("HTTP/1.1 200 OK", "Content-Type: text/plain", "Content-Length: 6") + b"alice\n")
    talk.acknowledge("c")
    talk.close("c")
    capture.write("refused-upgrade-used-as-a-tunnel")


def hole_and_copies():
    capture = Capture()
    talk = Connection(capture, client=("192.0.2.13", 49155), server=("198.51.100.23", 80))
    talk.say("c", request("/feed", "feed.example"))
    talk.say("s", SWITCH)
    talk.say("s", frame(1, b"first of two", False), captured=False)
    talk.say("c", frame(1, b"hello", True))
    talk.say("s", frame(1, b"second of two", False))
    talk.acknowledge("c")
    talk.close("c")
    again = Connection(capture, client=("192.0.2.13", 49156), server=("198.51.100.23", 80))
    again.copies = True
    again.say("c", request("/feed", "feed.example"))
    again.say("s", SWITCH)
    again.say("c", frame(1, b"hello", True))
    again.say("s", frame(1, b"welcome", False))
    again.say("c", frame(8, CLOSE, True))
    again.say("s", frame(8, CLOSE, False))
    again.close("s")
    capture.write("packets-lost-and-packets-seen-twice")


def from_lab(lab):
    for name, sources in FROM_LAB.items():
        header, packets = None, []
        for source in sources:
            with open(os.path.join(lab, source + ".pcap"), "rb") as file:
                data = file.read()
            header = header or data[:24]
            if data[:4] != b"\xd4\xc3\xb2\xa1" or data[20:24] != header[20:24]:
                sys.exit(f"{source}: not a little-endian pcap of the same link type")
            at = 24
            while at + 16 <= len(data):
                seconds, fraction, length, _ = struct.unpack_from("<IIII", data, at)
                packets.append((seconds, fraction, len(packets), data[at:at + 16 + length]))
                at += 16 + length
        with open(os.path.join(HERE, name + ".pcap"), "wb") as file:
            file.write(header)
            for packet in sorted(packets):
                file.write(packet[3])


cookie_and_foreign_origin()
two_body_lengths()
refused_upgrade_as_tunnel()
hole_and_copies()
if len(sys.argv) > 1:
    from_lab(sys.argv[1])
