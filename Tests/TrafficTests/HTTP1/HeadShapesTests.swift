// Heads that repeat earlier ones: whether they are recognized or read, what they say is the same.

import Testing

@testable import Traffic

@Suite struct HeadShapesTests {
    /// A head, and whether it is known from the first of its row.
    typealias Step = (head: String, isKnown: Bool)

    private static func request(
        _ line: String = "GET /a HTTP/1.1", key: String = "dGhlIHNhbXBsZSBub25jZQ==", agent: String = "x/1",
        more: String = ""
    ) -> String {
        "\(line)\r\nHost: example.com\r\nConnection: Upgrade\r\nUser-Agent: \(agent)\r\nUpgrade: websocket\r\n"
            + "\(more)Sec-WebSocket-Key: \(key)\r\nSec-WebSocket-Version: 13\r\n\r\n"
    }

    private static func answer(
        _ line: String = "HTTP/1.1 101 Switching Protocols", accept: String = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    ) -> String {
        "\(line)\r\nDate: Thu, 26 Nov 2026 08:00:00 GMT\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
    }

    static let requests: [[Step]] = [
        [
            (request(), false),
            (request("GET /other?a=b HTTP/1.1", key: "AQIDBAUGBwgJCgsMDQ4PEA=="), true),
            (request("POST /a HTTP/1.0"), true),
            (request() + "\u{1}\u{2}behind", true),
            ("\r\n" + request(), true),
            (request("GET  /a\u{1} HTTP/1.1"), true),
            (request("GET /\rb HTTP/1.1"), true),
            // A nonce in which something could hide is compared like all else.
            (request(key: "dGhlIHNhbXBsZSBub25jZQ="), false),
            (request(key: "dGhlIHNhbXBsZSBub25j\r\n=="), false),
            (request(key: "dGhlIHNhbXBsZSBub25jZ!=="), false),
            (request(agent: "y/1"), false),
            (request(more: "X: y\r\n"), false),
            (String(request().dropLast(2)), false),
            (String(request().dropLast(2)) + "X: y\r\n\r\n", false),
            (request(), true),
        ],
        // What is odd, or is no handshake, is read each time.
        [(request(more: "X : y\r\n"), false), (request(more: "X : y\r\n"), false)],
        [(request(more: "X: \u{1}\r\n"), false), (request(more: "X: \u{1}\r\n"), false)],
        [(request(more: "X: y\r\n z\r\n"), false), (request(more: "X: y\r\n z\r\n"), false)],
        [
            (request(more: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), false),
            (request(more: "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), false),
        ],
        [("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false), ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false)],
        // Of many the latest are kept.
        [(request(), false)] + (0..<8).map { (request(agent: "z/\($0)"), false) } + [(request(), false)],
    ]

    static let answers: [[Step]] = [
        [
            (answer(), false),
            (answer(accept: "AQIDBAUGBwgJCgsMDQ4PEBESExQ="), true),
            (answer("HTTP/1.1 101 Yes"), true),
            (answer("HTTP/1.1 200 OK"), false),
            (answer(accept: "AQIDBAUGBwgJCgsMDQ4PEBESEx=="), false),
        ]
    ]

    @Test("a head that is recognized is the one that would be read", arguments: requests)
    func request(_ row: [Step]) { check(row, request: true) }

    @Test("so is an answer", arguments: answers)
    func answer(_ row: [Step]) { check(row, request: false) }

    private func check(_ row: [Step], request: Bool) {
        var parser = ParsedHead(remembersShapes: true)
        var first: UInt32 = 0
        for (index, step) in row.enumerated() {
            let bytes = Array(step.head.utf8)
            var reader = ParsedHead()
            let found = request ? parser.parseRequest(bytes.span) : parser.parseResponse(bytes.span)
            let read = request ? reader.parseRequest(bytes.span) : reader.parseResponse(bytes.span)
            #expect(found == read, "\(step.head)")
            guard read == .complete else { continue }
            #expect(facts(of: parser, bytes) == facts(of: reader, bytes), "\(step.head)")
            #expect(reader.shape == 0)
            if index == 0 { first = parser.shape }
            #expect((index > 0 && parser.shape != 0 && parser.shape == first) == step.isKnown, "\(step.head)")
        }
    }

    @Test("a nonce is letters of base64 and nothing else, at each place")
    func nonces() {
        let letters = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for (nonce, count) in [("dGhlIHNhbXBsZSBub25jZQ==", 22), ("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 27)] {
            for place in 0..<nonce.utf8.count {
                for byte in UInt8.min...UInt8.max {
                    var text = Array(nonce.utf8)
                    text[place] = byte
                    let isNonce = place < count ? letters.contains(byte) : byte == UInt8(ascii: "=")
                    let found = HeadShapes.isNonce(text.span)
                    #expect(found == isNonce, "\(byte) at \(place)")
                }
            }
        }
        for count in 0...30 where count != 24 && count != 28 {
            let text = [UInt8](repeating: 0x41, count: count)
            let found = HeadShapes.isNonce(text.span)
            #expect(!found)
        }
    }

    /// Everything that a head says, as text.
    private func facts(of head: borrowing ParsedHead, _ bytes: [UInt8]) -> String {
        let mark = PacketMark(packet: 1, time: Timestamp(nanoseconds: 0), acknowledged: nil)
        let place = Place(direction: .client, offset: 0, length: Int64(head.length), first: mark, last: mark)
        let copy = head.copied(from: bytes.span, place: place)
        return "\(head.skipped) \(head.length) \(head.present) \(head.status) \(copy.startLine) \(copy.version) "
            + "\(copy.defects.rawValue) \(copy.lines) \(copy.bytes)"
    }
}
