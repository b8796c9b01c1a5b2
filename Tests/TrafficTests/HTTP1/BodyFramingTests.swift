// Where messages end: the table of section B as rows.

import Testing

@testable import Traffic

@Suite struct BodyFramingTests {
    static let requests: [(String, String, String)] = [
        // No field, no content: whatever the method and Upgrade say.
        ("GET", "", "none"), ("POST", "", "none"), ("CONNECT", "", "none"), ("GET", "Upgrade: h2c", "none"),
        // Content-Length.
        ("POST", "Content-Length: 5", "5"), ("GET", "Content-Length: 5|Upgrade: x", "5"),
        ("POST", "Content-Length: 0", "none"), ("POST", "Content-Length: 007", "7"),
        ("POST", "Content-Length: 5, 5", "5"), ("POST", "Content-Length: 5|Content-Length: 5", "5"),
        ("POST", "Content-Length: 5, 6", "unknown"), ("POST", "Content-Length: 5|Content-Length: 6", "unknown"),
        ("POST", "Content-Length:", "unknown"), ("POST", "Content-Length: -5", "unknown"),
        ("POST", "Content-Length: +5", "unknown"), ("POST", "Content-Length: 0x5", "unknown"),
        ("POST", "Content-Length: 5 5", "unknown"), ("POST", "Content-Length: 5,", "unknown"),
        ("POST", "Content-Length: ,5", "unknown"), ("POST", "Content-Length: \"5\"", "unknown"),
        ("POST", "Content-Length: 1152921504606846975", "1152921504606846975"),
        ("POST", "Content-Length: 1152921504606846976", "unknown"),
        ("POST", "Content-Length: 9223372036854775807", "unknown"),
        ("POST", "Content-Length: 9223372036854775808", "unknown"),
        ("POST", "Content-Length: 99999999999999999999999999999999", "unknown"),
        // Transfer-Encoding.
        ("POST", "Transfer-Encoding: chunked", "chunked"), ("POST", "Transfer-Encoding: Chunked", "chunked"),
        ("POST", "Transfer-Encoding: gzip, chunked", "chunked"),
        ("POST", "Transfer-Encoding: gzip|Transfer-Encoding: chunked", "chunked"),
        ("POST", "Transfer-Encoding: chunked,", "chunked"),
        ("POST", "Transfer-Encoding: chunked, gzip", "unknown"), ("POST", "Transfer-Encoding: gzip", "unknown"),
        ("POST", "Transfer-Encoding: chunked, chunked", "unknown"), ("POST", "Transfer-Encoding:", "unknown"),
        ("POST", "Transfer-Encoding: xchunked", "unknown"), ("POST", "Transfer-Encoding: chunked;a=b", "unknown"),
        ("POST", "Transfer-Encoding: identity", "unknown"),
        ("POST/1.0", "Transfer-Encoding: chunked", "unknown"),
        // Both.
        ("POST", "Content-Length: 5|Transfer-Encoding: chunked", "chunked both 5"),
        ("POST", "Content-Length: x|Transfer-Encoding: chunked", "chunked both"),
        ("POST", "Content-Length: 5|Transfer-Encoding: gzip", "unknown both 5"),
    ]

    @Test(arguments: requests) func aRequestEndsThere(method: String, fields: String, end: String) {
        let isOld = method.hasSuffix("/1.0")
        let line = "\(method.prefix { $0 != "/" }) / HTTP/1.\(isOld ? 0 : 1)\r\n"
        let text = line + fields.split(separator: "|").map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = ParsedHead()
        let result = head.parseRequest(bytes.span)
        #expect(result == .complete)
        let (length, framing) = head.requestBody(bytes.span)
        var words = [Self.word(length)]
        if framing.lengthAndCoding { words.append("both") }
        if framing.lengthAndCoding, let length = framing.contentLength { words.append("\(length)") }
        #expect(words.joined(separator: " ") == end)
        #expect(framing.endUnknown == (length == .unknown))
    }

    static let responses: [(String, Bool, String, String)] = [
        ("200 OK", true, "Content-Length: 5", "none"), ("101 S", false, "Content-Length: 5", "none"),
        ("100 C", false, "Transfer-Encoding: chunked", "none"), ("204 N", false, "Content-Length: 5", "none"),
        ("304 N", false, "Content-Length: 5", "none"), ("304 N", false, "Transfer-Encoding: chunked", "none"),
        ("200 OK", false, "Content-Length: 5", "5"), ("205 R", false, "Content-Length: 5", "5"),
        ("426 U", false, "Content-Length: 5", "5"), ("200 OK", false, "Content-Length: 0", "none"),
        ("200 OK", false, "Transfer-Encoding: chunked|Content-Length: 5", "chunked"),
        ("200 OK", false, "Transfer-Encoding: gzip|Content-Length: 5", "close"),
        ("200 OK", false, "Transfer-Encoding: chunked, gzip", "close"),
        ("200 OK", false, "", "close"), ("403 F", false, "Content-Length: 5, 6", "unknown"),
    ]

    @Test(arguments: responses) func aResponseEndsThere(status: String, toHEAD: Bool, fields: String, end: String) {
        let text = "HTTP/1.1 \(status)\r\n" + fields.split(separator: "|").map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = ParsedHead()
        let result = head.parseResponse(bytes.span)
        #expect(result == .complete)
        let length = head.responseBody(bytes.span, toHEAD: toHEAD)
        #expect(Self.word(length) == end)
    }

    static func word(_ length: BodyLength) -> String {
        switch length {
        case .none: "none"
        case .bytes(let count): "\(count)"
        case .chunked: "chunked"
        case .untilClose: "close"
        case .unknown: "unknown"
        }
    }

    /// Chunked content, and how many bytes are left behind it; `nil` where it is broken, -1 where it goes on.
    static let chunks: [(String, Int?)] = [
        ("0\r\n\r\n", 0), ("0\r\n\r\nrest", 4), ("5\r\nhello\r\n0\r\n\r\nx", 1), ("00\r\n\r\n", 0),
        ("a\r\n0123456789\r\n0\r\n\r\n", 0), ("A\r\n0123456789\r\n0\r\n\r\n", 0), ("05\r\nhello\r\n0\r\n\r\n", 0),
        ("5;a=b\r\nhello\r\n0;c=\"d\"\r\n\r\n", 0), ("5 ;a\r\nhello\r\n0\r\n\r\n", 0), ("5\t\r\nhello\r\n0\r\n\r\n", 0),
        ("5\nhello\n0\n\n", 0), ("5\r\nhello\n0\r\n\nrest", 4),
        ("0\r\nA: b\r\nC: d\r\n\r\nxy", 2), ("0\r\nA: b\n\nxy", 2),
        ("5\r\n\r\n\r\n\r\r\n0\r\n\r\n", 0),
        // Broken.
        ("\r\n", nil), ("x\r\n", nil), (" 5\r\nhello\r\n", nil), ("-1\r\n", nil), ("+5\r\nhello\r\n", nil),
        (";\r\n", nil),
        ("0x5\r\nhello\r\n0\r\n\r\n", nil), ("5g\r\nhello\r\n0\r\n\r\n", nil), ("5\r\nhelloX\r\n", nil),
        ("5\r\nhello\r\n\r\n", nil), ("1000000000000000\r\n", nil), ("ffffffffffffffffffffffff\r\n", nil),
        // Not the end yet.
        ("", -1), ("5", -1), ("5\r", -1), ("5\r\nhel", -1), ("5\r\nhello\r\n", -1), ("0\r\n", -1), ("0\r\nA: b", -1),
        ("0\r\n\r", -1), ("fffffffffffffff\r\nabc", -1), ("5;", -1),
    ]

    @Test(arguments: chunks) func chunkedContentEndsThere(text: String, left: Int?) {
        let bytes = Array(text.utf8)
        func read(_ cuts: [Int]) -> Int? {
            var reader = ChunkedReader()
            var index = 0
            for end in cuts + [bytes.count] {
                let piece = bytes.span.extracting(index..<end)
                let used = reader.consume(piece)
                index += used
                if reader.isBroken { return nil }
                if reader.isDone { return bytes.count - index }
                #expect(used == piece.count)
            }
            return -1
        }
        #expect(read([]) == left)
        #expect(read(Array(bytes.indices.dropFirst())) == left, "byte by byte")
        for cut in bytes.indices { #expect(read([cut]) == left, "cut at \(cut)") }
    }

    @Test func aHoleIsSkippedOnlyInsideOneChunk() {
        var reader = ChunkedReader()
        let first = reader.skip(1)
        let opening = Array("a\r\n012".utf8)
        let used = reader.consume(opening.span)
        let beyond = reader.skip(7)
        let inside = reader.skip(6)
        #expect(!first && used == 6 && !beyond && inside)
        let rest = Array("9\r\n0\r\n\r\n".utf8)
        let end = reader.consume(rest.span)
        #expect(end == 8 && reader.isDone)
    }
}
