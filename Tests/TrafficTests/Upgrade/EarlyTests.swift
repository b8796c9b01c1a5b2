// "Before the 101": every line of the table of section D as a conversation with explicit acknowledgments.

import TestSupport
import Testing

@testable import Traffic

@Suite struct EarlyTests {
    static let size = wsRequest.utf8.count
    static let length = wsAnswer.utf8.count
    static let hi = text("hi")
    static let head = Array(wsAnswer.utf8)

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var sheets: [Sheet]
        /// Verdict, bytes, how many of them were at the server; or "none".
        var verdict: String
        var handshake = true
        /// Where the request begins.
        var start = 0
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(
            name: "nothing is early",
            sheets: [c(0, wsRequest), s(0, head, ack: size), c(size, hi, ack: length)], verdict: "none"),
        Row(
            name: "in front of the answer",
            sheets: [c(0, wsRequest), c(size, hi), s(0, head, ack: size)], verdict: "proven 8 at server 0"),
        Row(
            name: "in the packet of the request",
            sheets: [c(0, Array(wsRequest.utf8) + hi), s(0, head, ack: size + 8)], verdict: "proven 8 at server 8"),
        Row(
            name: "some were at the server",
            sheets: [c(0, wsRequest), c(size, hi), s(0, head, ack: size + 3)], verdict: "proven 8 at server 3"),
        Row(
            name: "captured behind the answer, sent before it came (a tap near the server)",
            sheets: [c(0, wsRequest), s(0, head, ack: size), c(size, hi, ack: 0)], verdict: "proven 8 at server 0"),
        Row(
            name: "captured in front of the answer, sent when it was there",
            sheets: [c(0, wsRequest), c(size, hi, ack: length), s(0, head, ack: size)], verdict: "none"),
        Row(
            name: "with half of the head",
            sheets: [
                c(0, wsRequest), s(0, Array(head[..<40]), ack: size), c(size, hi, ack: 40),
                s(40, Array(head[40...]), ack: size),
            ],
            verdict: "partial 8 at server 0"),
        Row(
            name: "with all of the head but its last byte",
            sheets: [
                c(0, wsRequest), s(0, Array(head.dropLast()), ack: size), c(size, hi, ack: length - 1),
                s(length - 1, Array(head.suffix(1)), ack: size + 8),
            ],
            verdict: "partial 8 at server 0"),
        Row(
            name: "with an interim answer only",
            sheets: [
                c(0, wsRequest), s(0, "HTTP/1.1 103 Early\r\n\r\n", ack: size), c(size, hi, ack: 22),
                s(22, head, ack: size),
            ],
            verdict: "proven 8 at server 0"),
        Row(
            name: "sent again with a newer acknowledgment",
            sheets: [
                c(0, wsRequest), c(size, hi), s(0, head, ack: size), c(size, hi, ack: length),
            ],
            verdict: "proven 8 at server 0"),
        Row(
            name: "some early, some not",
            sheets: [
                c(0, wsRequest), c(size, hi), s(0, head, ack: size + 8), c(size + 8, hi, ack: length),
            ],
            verdict: "proven 8 at server 8"),
        Row(
            name: "proven and partial together",
            sheets: [
                c(0, wsRequest), c(size, hi), s(0, Array(head[..<40]), ack: size), c(size + 8, hi, ack: 40),
                s(40, Array(head[40...]), ack: size),
            ],
            verdict: "proven 16 at server 0"),
        Row(
            name: "a hole in front of the answer",
            sheets: [
                c(0, wsRequest), s(25, head, ack: size), c(size, hi, ack: 35),
                c(size + 8, ack: 25 + length).after(nanoseconds: 2_000_000_000), c(size + 8, ack: 25 + length),
            ],
            verdict: "undetermined 8"),
        Row(
            name: "a hole, and less than it acknowledged",
            sheets: [
                c(0, wsRequest), s(25, head, ack: size), c(size, hi, ack: 0),
                c(size + 8, ack: 25 + length).after(nanoseconds: 2_000_000_000), c(size + 8, ack: 25 + length),
            ],
            verdict: "proven 8"),
        Row(
            name: "no ACK, long in front of the answer",
            sheets: [c(0, wsRequest), c(size, hi, ack: nil), s(0, head, ack: size)], verdict: "order 8 at server 0"),
        Row(
            name: "no ACK, a moment in front of the answer",
            sheets: [c(0, wsRequest), c(size, hi, ack: nil), s(0, head, ack: size).after(nanoseconds: 50_000)],
            verdict: "undetermined 8 at server 0"),
        Row(
            name: "no ACK, faster than any reaction",
            sheets: [c(0, wsRequest), s(0, head, ack: size), c(size, hi, ack: nil).after(nanoseconds: 500_000)],
            verdict: "timing 8 at server 0"),
        Row(
            name: "no ACK, slow enough for one",
            sheets: [c(0, wsRequest), s(0, head, ack: size), c(size, hi, ack: nil).after(nanoseconds: 1_500_000)],
            verdict: "undetermined 8 at server 0"),
        Row(
            name: "neither the SYN-ACK nor the answer",
            sheets: [
                c(-1, ack: nil, .syn), c(0), c(0, wsRequest), c(size, hi, ack: length), s(length, hi, ack: size + 8),
            ],
            verdict: "undetermined 8", handshake: false),
        Row(
            name: "an answer that may be another request's",
            sheets: [
                c(100, wsRequest), s(0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ack: 100 + size),
                c(100 + size, hi, ack: 38),
            ],
            verdict: "undetermined 8", start: 100),
        Row(
            name: "behind content that goes on to the end",
            sheets: [
                c(0, "GET / HTTP/1.1\r\n\r\n"), s(0, "HTTP/1.1 200 OK\r\n\r\n", ack: 18), c(18, wsRequest, ack: 19),
                s(19, head, ack: 18 + size), c(18 + size, hi, ack: 19 + length),
            ],
            verdict: "undetermined 8", start: 18),
        Row(name: "no answer at all", sheets: [c(0, wsRequest), c(size, hi)], verdict: "proven 8"),
        Row(
            name: "an answer that was not captured",
            sheets: [c(0, wsRequest), c(size, hi, ack: length), s(length, ack: size + 8)], verdict: "undetermined 8"),
        Row(
            name: "no handshake, and still proven",
            sheets: [c(0, wsRequest), c(size, hi), s(0, head, ack: size)], verdict: "proven 8 at server 0",
            handshake: false),
        Row(
            name: "a stray line end",
            sheets: [c(0, wsRequest + "\r\n"), s(0, head, ack: size + 2)], verdict: "proven 2 at server 2 line ends"),
        Row(
            name: "a keep-alive is nothing new",
            sheets: [c(0, wsRequest), c(size - 1, [0]), s(0, head, ack: size)], verdict: "none"),
        Row(
            name: "refused",
            sheets: [
                c(0, wsRequest), c(size, "GET /x HTTP/1.1\r\n\r\n"),
                s(0, "HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n", ack: size),
            ],
            verdict: "proven 19 at server 0"),
        Row(
            name: "in the SYN",
            sheets: [
                c(-1, Array(wsRequest.utf8) + hi, ack: nil, .syn), s(-1, ack: size + 8, .syn), c(size + 8),
                s(0, head, ack: size + 8),
            ],
            verdict: "proven 8 at server 8", handshake: false),
    ]

    @Test(arguments: rows) func theVerdict(row: Row) {
        let heard = Tape.play((row.handshake ? opening : []) + row.sheets)
        guard let early = heard.early else {
            #expect(row.verdict == "none")
            return
        }
        var words = ["\(early.verdict) \(early.clientBytes)"]
        if let bytes = early.atServerBytes { words.append("at server \(bytes)") }
        if early.onlyLineEnds { words.append("line ends") }
        #expect(words.joined(separator: " ") == row.verdict)
        #expect(early.place.offset == Int64(row.start + Self.size))
        #expect(early.place.direction == .client)
        #expect((early.verdict == .undetermined) != early.missing.isEmpty)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n\r\n", Likeness.httpRequest), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2Preface),
        ("SSH-2.0-x\r\n", .ssh), ("anything", .unknown),
    ])
    func whatItLooksLike(bytes: String, likeness: Likeness) {
        let heard = Tape.play(opening + [c(0, wsRequest + bytes), s(0, Self.head, ack: Self.size)])
        #expect(heard.early?.looksLike == likeness)
        #expect(heard.early?.excerpt == Array(bytes.utf8))
    }

    @Test func anEarlyRequestThatIsAnsweredIsNamed() throws {
        let inner = "GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
        let refusal = "HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n"
        let heard = Tape.play(
            opening + [
                c(0, wsRequest + inner), s(0, refusal, ack: Self.size + inner.utf8.count),
                s(
                    refusal.utf8.count, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                    ack: Self.size + inner.utf8.count),
            ])
        let answer = try #require(heard.early?.answer)
        #expect(answer.status == 200)
        #expect(String(decoding: answer.requestLine, as: UTF8.self) == "GET /admin HTTP/1.1")
        #expect(heard.exchanges.first?.laterRequests.map(\.wasEarly) == [true])
    }
}
