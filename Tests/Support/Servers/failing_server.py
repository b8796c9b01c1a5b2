"""A server that fails in one way: failing_server.py PORT WAY [SECONDS]

refuse: the port is closed again once "ready" was said. All other ways accept connections and then disappoint.
"""
import base64, hashlib, socket, struct, sys, threading, time

port, way = int(sys.argv[1]), sys.argv[2]


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def head(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(4096)
        if not piece:
            raise EOFError
        data += piece
    return data


def accept(sock):
    key = [l.split(b":", 1)[1].strip() for l in head(sock).split(b"\r\n") if l.lower().startswith(b"sec-websocket-key:")][0]
    digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")


def flood(sock, piece):
    try:
        while True:
            sock.sendall(piece)
    except OSError:
        pass


def serve(sock):
    try:
        if way == "gone":
            return
        if way == "reset":
            head(sock)
            return reset(sock)
        if way == "silent":
            time.sleep(60)
        if way == "garbage":
            head(sock)
            sock.sendall(bytes(range(256)) * 16)
            time.sleep(60)
        if way == "flood":
            head(sock)
            flood(sock, b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n" + b"x" * 65536)
        accept(sock)
        if way == "reset-later":
            sock.recv(1)
            reset(sock)
        elif way == "stall":
            time.sleep(60)
        elif way == "garbage-later":
            sock.sendall(b"\xff\xff\xff\xff" * 4096)
            time.sleep(60)
        elif way == "flood-later":
            flood(sock, b"\x82\x7e\xff\xff" + b"y" * 65535)
        elif way == "endless-message":
            sock.sendall(b"\x82\x7f" + (10 << 30).to_bytes(8, "big"))
            flood(sock, b"z" * 65536)
        elif way == "never-closes":
            # Echoes, answers no close, and never ends the connection.
            while True:
                first, second = sock.recv(1), sock.recv(1)
                if not second:
                    return
                key, size = sock.recv(4), second[0] & 127
                payload = bytes(b ^ key[i % 4] for i, b in enumerate(sock.recv(size) if size else b""))
                if first[0] & 15 == 1:
                    sock.sendall(bytes([0x81, len(payload)]) + payload)
        elif way == "half":
            sock.sendall(b"\x81\x05on")
            # What is closed with bytes unread is reset: that is another way to fail.
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    except (EOFError, OSError, IndexError):
        pass
    finally:
        sock.close()


listener = socket.create_server(("127.0.0.1", port), backlog=512)
if way == "refuse":
    listener.close()
    print("ready", flush=True)
    time.sleep(600)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
