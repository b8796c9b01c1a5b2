"""A WebSocket server that is wrong on purpose, one way at a time: changed_server.py PORT WAY

It answers "n" with a JSON text {"n": n, "user": {"name": "alice"}}, greets with "welcome", and closes with the client's code.
No library: a library would not be wrong. WAY is one of the words below; "none" is the server that recordings are made of.
"""
import base64, hashlib, json, socket, sys, threading, time

port, way = int(sys.argv[1]), sys.argv[2]


def frame(opcode, payload):
    head = bytes([0x80 | opcode])
    size = len(payload)
    return head + (bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")) + payload


def read(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def message(sock):
    first, second = read(sock, 2)
    size = second & 127
    if size == 126:
        size = int.from_bytes(read(sock, 2), "big")
    elif size == 127:
        size = int.from_bytes(read(sock, 8), "big")
    key = read(sock, 4)
    return first & 15, bytes(b ^ key[i % 4] for i, b in enumerate(read(sock, size)))


def serve(sock):
    try:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = sock.recv(4096)
            if not piece:
                return
            head += piece
        if way == "refused":
            sock.sendall(b"HTTP/1.1 403 Forbidden\r\nServer: lab\r\nContent-Length: 0\r\n\r\n")
            return
        key = [l.split(b":", 1)[1].strip() for l in head.split(b"\r\n") if l.lower().startswith(b"sec-websocket-key:")][0]
        if way == "accept":
            key = b"x" + key
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        answer = [b"HTTP/1.1 101 Switching Protocols", b"Server: lab", b"Upgrade: websocket", b"Connection: Upgrade",
                  b"Sec-WebSocket-Accept: " + accept]
        if way == "extension":
            answer.append(b"Sec-WebSocket-Extensions: permessage-deflate")
        if way == "header":
            answer[1] = b"Server: other"
        sock.sendall(b"\r\n".join(answer) + b"\r\n\r\n" + frame(1, b"welcome"))
        held = None
        while True:
            opcode, payload = message(sock)
            if opcode == 8:
                code = {"close": 1011}.get(way)
                sock.sendall(frame(8, code.to_bytes(2, "big") if code else payload))
                return
            if opcode == 9:
                sock.sendall(frame(10, payload))
                continue
            n = int(payload)
            user = {"name": "bob" if way == "field" and n == 2 else "alice"}
            text = json.dumps({"n": n, "user": user}).encode()
            if way == "order":
                # The second answer comes in front of the first, once both were asked for.
                if n == 1:
                    held = frame(1, text)
                    continue
                if n == 2:
                    sock.sendall(frame(1, text) + held)
                    continue
            if way == "dropped" and n == 2:
                continue
            if way == "slow" and n == 2:
                time.sleep(0.6)
            sock.sendall(frame(1, text))
            if way == "added" and n == 2:
                sock.sendall(frame(1, b'{"news": true}'))
            if way == "leaves" and n == 2:
                sock.sendall(frame(8, (1001).to_bytes(2, "big")))
                return
            if way == "mute" and n == 2:
                return
    except (EOFError, OSError, IndexError):
        pass
    finally:
        sock.close()


listener = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
