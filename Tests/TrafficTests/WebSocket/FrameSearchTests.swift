// Frames found where nobody says that they begin: what is believed, and what is not.

import Testing

@testable import Traffic

@Suite struct FrameSearchTests {
    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var direction = Direction.server
        var compression = false
        var segments: [[UInt8]]
        /// Frames that are found; `nil` for none.
        var frames: UInt64?
        var messages: UInt64 = 0
        var acceptsShortRun = false
        var testDescription: String { name }
    }

    static func plain(_ string: String, fin: Bool = true) -> [UInt8] { text(string, fin: fin, key: nil) }

    static func search(
        _ segments: [[UInt8]], _ direction: Direction, compression: Bool = false, short: Bool = false
    ) -> ResumedFrames? {
        let search = FrameSearch(direction, allowsCompression: compression)
        var offset: Int64 = 0
        for segment in segments {
            search.take(Chunk(segment.span, direction, offset: offset, arrival: Invariants.mark))
            offset += Int64(segment.count)
        }
        return search.finish(acceptsShortRun: short)
    }

    static let junk: [UInt8] = [0x7f, 0x70, 0x45, 0xf3, 0x20, 0x41, 0x3c]

    static let rows: [Row] = [
        Row(name: "three frames", segments: [plain("a"), plain("b"), plain("c")], frames: 3, messages: 3),
        Row(name: "two frames", segments: [plain("a"), plain("b")]),
        Row(
            name: "two frames at the end of it all", segments: [plain("a"), plain("b")], frames: 2, messages: 2,
            acceptsShortRun: true),
        Row(name: "two frames and a half", segments: [plain("a"), plain("b") + [0x81]], acceptsShortRun: true),
        Row(
            name: "masked by a client", direction: .client, segments: [text("a"), text("b"), text("c")], frames: 3,
            messages: 3),
        Row(name: "not masked by a client", direction: .client, segments: [plain("a"), plain("b"), plain("c")]),
        Row(
            name: "behind the rest of a payload", segments: [junk, plain("a"), plain("b"), plain("c")], frames: 3,
            messages: 3),
        Row(
            name: "inside a segment", segments: [junk + plain("a") + plain("b"), plain("c"), plain("d"), plain("e")],
            frames: 5, messages: 5),
        Row(name: "too few inside a segment", segments: [junk + plain("a") + plain("b"), plain("c")]),
        Row(
            name: "a message that began before",
            segments: [frame(0, [1], key: nil), plain("a"), plain("b"), plain("c")],
            frames: 4, messages: 3),
        Row(
            name: "fragments",
            segments: [
                plain("a", fin: false) + frame(9, key: nil), frame(0, [0x62], key: nil),
                plain("c"), plain("d"),
            ], frames: 5, messages: 3),
        Row(name: "a fragment of nothing", segments: [plain("a"), frame(0, [1], key: nil), plain("b"), plain("c")]),
        Row(name: "a message inside another", segments: [plain("a", fin: false), plain("b"), plain("c", fin: false)]),
        Row(
            name: "text that is none",
            segments: [plain("a"), frame(1, [0xc3, 0x28], key: nil), plain("b"), plain("c")]),
        Row(
            name: "bytes of any value", segments: [plain("a"), frame(2, [0xc3, 0x28], key: nil), plain("b")], frames: 3,
            messages: 3),
        Row(name: "zeros", segments: [[UInt8](repeating: 0, count: 200), [UInt8](repeating: 0, count: 200)]),
        Row(name: "DNS over TCP", segments: (1...9).map { [0, 5, $0, 0x12, 1, 0, 0] }),
        Row(
            name: "compressed, as agreed", compression: true,
            segments: [frame(1, [1], reserved: 4, key: nil), frame(1, [2], reserved: 4, key: nil), plain("a")],
            frames: 3,
            messages: 3),
        Row(
            name: "compressed, and nobody agreed",
            segments: [frame(1, [1], reserved: 4, key: nil), frame(1, [2], reserved: 4, key: nil), plain("a")]),
        Row(
            name: "lengths longer than needed",
            segments: [plain("a"), frame(2, [1], key: nil, lengthBytes: 2), plain("b"), plain("c")]),
        Row(
            name: "a frame of more than 16 MiB",
            segments: [plain("a"), plain("b"), frame(2, [], key: nil, announced: 1 << 25), plain("c")]),
    ]

    @Test(arguments: rows) func whatIsBelieved(_ row: Row) {
        let found = Self.search(row.segments, row.direction, compression: row.compression, short: row.acceptsShortRun)
        #expect(found?.headers == row.frames)
        #expect((found?.textMessages ?? 0) + (found?.binaryMessages ?? 0) == row.messages)
    }

    /// A run is the same wherever it is cut.
    @Test func cutAnywhere() throws {
        let whole =
            Self.plain("first") + frame(2, [UInt8](repeating: 7, count: 300), key: nil) + frame(9, [1, 2], key: nil)
            + Self.plain("half", fin: false) + frame(0, Array("whole".utf8), key: nil) + frame(8, [3, 0xe8], key: nil)
        for cut in 0...whole.count {
            let found = Self.search([Array(whole[..<cut]), Array(whole[cut...])], .server, short: true)
            let all = try #require(found, "cut at \(cut)")
            #expect(all.headers == 6 && all.textMessages == 2 && all.binaryMessages == 1, "cut at \(cut)")
            #expect(all.close?.code == 1000 && all.wireBytes == Int64(whole.count), "cut at \(cut)")
        }
    }

    @Test func aHoleInAPayloadIsStepped() throws {
        let search = FrameSearch(.server, allowsCompression: false)
        let long = frame(2, [UInt8](repeating: 7, count: 100), key: nil)
        let before = Self.plain("a") + Self.plain("b") + long.prefix(50)
        let after = Array(long.suffix(22)) + Self.plain("c")
        search.take(Chunk(before.span, .server, offset: 0, arrival: Invariants.mark))
        search.gap(30)
        search.take(Chunk(after.span, .server, offset: 86, arrival: Invariants.mark))
        let found = try #require(search.finish(acceptsShortRun: false))
        #expect(found.headers == 4 && found.times == 1 && found.payloadBytes == 103)
    }

    /// A believed run that breaks counts up to there, and the search goes on.
    @Test func whatBreaksIsFoundAgain() throws {
        let good = [Self.plain("a"), Self.plain("b"), Self.plain("c")]
        let found = try #require(Self.search(good + [Self.junk] + good, .server))
        #expect(found.headers == 6 && found.times == 2)
    }

    /// Noise is not taken for frames: of many connections of random bytes hardly one is.
    @Test func noise() {
        var state: UInt64 = 7
        func random() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        var mistaken = 0
        for round in 0..<400 {
            let segments = (0..<20).map { _ in (0..<200).map { _ in random() } }
            if Self.search(segments, round % 2 == 0 ? .client : .server, compression: true) != nil { mistaken += 1 }
        }
        #expect(mistaken <= 1, "\(mistaken) of 400")
    }
}
