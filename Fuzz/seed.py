"""Cuts the samples into first inputs for the fuzzer: seed.py SAMPLES OUT.

Captures go in whole, packets and TCP payloads one by one; each payload goes to the readers that might know it.
"""

import hashlib
import pathlib
import struct
import sys


def packets(data):
    """The packets of a little-endian classic capture."""
    position = 24
    while position + 16 <= len(data):
        _, _, captured, _ = struct.unpack_from("<IIII", data, position)
        position += 16
        yield data[position:position + captured]
        position += captured


def payload(packet):
    """The TCP payload of an Ethernet and IPv4 packet without options in its IP header."""
    if len(packet) < 54 or packet[12:14] != b"\x08\x00" or packet[14] != 0x45 or packet[23] != 6:
        return b""
    end = 14 + struct.unpack_from(">H", packet, 16)[0]
    return packet[34 + (packet[46] >> 4) * 4:end]


def main(samples, out):
    def put(name, data):
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)

    put("chunked", b"\x045;a=b\r\nhello\r\n0\r\nT: u\r\n\r\n")
    put("utf8", b"\x37\xfa\x21\x3d\x09" + "aé€😀 plain text of some length".encode())
    put("client-hello", bytes.fromhex("16030100")
        + bytes.fromhex("45010000410303") + bytes(32) + bytes.fromhex("000002130101000016")
        + bytes.fromhex("0000000a000800000561") + b".com" + bytes.fromhex("00100005000302") + b"h2")
    put("json", rb'{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00"],"b":{"c":""}}')
    put("har", b'{"log":{"entries":[{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"","url":"ws://h/a?b",'
        b'"headers":[{"name":"Host","value":"h"}]},"response":{"status":101},"_webSocketMessages":['
        b'{"type":"send","time":1.5,"opcode":1,"data":"a"},{"type":"receive","opcode":2,"data":"AAEC","_fragments":[1,2]},'
        b'{"type":"receive","opcode":8,"data":"A+g="},{"type":"error","opcode":-1,"data":"x"}]}]}}')
    # Steps of two bytes: sessions and refusals of four pairs of hosts, and each kind of step between two sessions.
    for what in range(32):
        put("report", bytes([28, 1, 36, 0, 29, 18, what << 2, 33, 37, 0, 28, 2, 33, 3, what << 2 | 1, 200, 28, 0]))
    for path in sorted(samples.glob("*.pcap")):
        data = path.read_bytes()
        put("capture", data)
        put("analyzer", data)
        for packet in packets(data):
            put("dissector", b"\x00\xff" + packet)
            text = payload(packet)
            if text.startswith(b"HTTP/1."):
                put("response-head", text)
            elif b" HTTP/1." in text[:200]:
                put("request-head", text)
            elif text.startswith(b"PRI * "):
                put("http2", b"\x00\x05" + text)
            elif text.startswith(b"\x16\x03"):
                put("client-hello", text)
            elif text:
                put("websocket", bytes([0 if len(text) > 1 and text[1] & 128 else 1, 7]) + text)
                put("http2", b"\x01\x05" + text)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
