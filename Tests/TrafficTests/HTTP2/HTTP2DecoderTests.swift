// HTTP/2 after a 101: preface, frames, settings; wherever the bytes are cut.

import TestSupport
import Testing

@testable import Traffic

@Suite struct HTTP2DecoderTests {
    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + (0..<4).reversed().map { UInt8(truncatingIfNeeded: stream >> (UInt32($0) * 8)) } + payload
    }
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = frame(4, [0, 3, 0, 0, 0, 100, 0, 4, 0, 0xa0, 0, 0])

    static func facts(_ pieces: [[UInt8]], _ direction: Direction, gapAfter: Int? = nil, gap: Int64 = 0) -> String {
        let decoder = HTTP2Decoder(limits: Limits())
        var offset: Int64 = 0
        for (index, piece) in pieces.enumerated() {
            decoder.receive(Chunk(piece.span, direction, offset: offset, arrival: Invariants.mark))
            offset += Int64(piece.count)
            if index == gapAfter {
                decoder.gap(Gap(direction: direction, from: offset, to: offset + gap, arrival: Invariants.mark))
                offset += gap
            }
        }
        let endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
        var exchange = Exchange(
            kind: .upgrade,
            connection: ConnectionFacts(id: 0, client: endpoint, server: endpoint, first: Invariants.mark),
            first: Invariants.mark)
        decoder.finish(into: &exchange)
        var words: [String] = []
        guard let http2 = exchange.http2 else { return "nothing" }
        if http2.preface { words.append("preface") }
        for type in 0..<11 where http2.sides[direction].frames[type] > 0 {
            words.append("\(HTTP2Facts.frameNames[type]):\(http2.sides[direction].frames[type])")
        }
        words += http2.sides[direction].settings.map { "\($0.identifier)=\($0.value)" }
        words.append("streams \(http2.streams)")
        words += exchange.anomalies.map { "!\($0.kind)@\($0.place.offset)" }
        return words.joined(separator: " ")
    }

    typealias Row = (name: String, direction: Direction, bytes: [UInt8], facts: String)

    static let rows: [Row] = [
        ("preface and settings", .client, preface + settings, "preface SETTINGS:1 3=100 4=10485760 streams 1"),
        ("no settings frame yet", .client, preface, "preface streams 1"),
        ("half a preface", .client, Array(preface.prefix(10)), "streams 1"),
        ("no preface", .client, settings, "streams 1 !prefaceMissing@0"),
        ("a preface with a fault", .client, Array(preface.prefix(20)) + [1], "streams 1 !prefaceMissing@20"),
        ("the server has none", .server, settings, "SETTINGS:1 3=100 4=10485760 streams 1"),
        ("HEADERS first", .server, frame(1, stream: 1, [1, 2]), "HEADERS:1 streams 1 !firstFrameNotSettings@0"),
        ("an acknowledgment first", .server, frame(4, flags: 1), "SETTINGS:1 streams 1 !firstFrameNotSettings@0"),
        ("settings on a stream", .server, frame(4, stream: 1), "SETTINGS:1 streams 1 !firstFrameNotSettings@0"),
        ("empty settings", .server, frame(4) + frame(6, [1, 2, 3, 4, 5, 6, 7, 8]), "SETTINGS:1 PING:1 streams 1"),
        (
            "streams are counted once", .client,
            preface + settings + frame(1, stream: 3, [1]) + frame(1, stream: 3) + frame(1, stream: 5),
            "preface HEADERS:3 SETTINGS:1 3=100 4=10485760 streams 3"
        ),
        ("an unknown type", .server, settings + frame(200, [9]), "SETTINGS:1 UNKNOWN:1 3=100 4=10485760 streams 1"),
        (
            "only the first settings", .server, settings + frame(4, [0, 1, 0, 0, 0, 9]),
            "SETTINGS:2 3=100 4=10485760 streams 1"
        ),
        (
            "settings are bounded", .server, frame(4, [UInt8](repeating: 0, count: 6 * 100)) + frame(6, [0]),
            "SETTINGS:1 PING:1 " + [String](repeating: "0=0", count: 16).joined(separator: " ") + " streams 1"
        ),
    ]

    @Test(arguments: rows.named(\.name)) func aStream(_ row: Named<Row>) {
        let (name, direction, bytes, facts) = row.value
        #expect(Self.facts([bytes], direction) == facts, "\(name)")
        #expect(Self.facts(bytes.map { [$0] }, direction) == facts, "\(name), byte by byte")
        for cut in bytes.indices.dropFirst() {
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
            #expect(Self.facts(pieces, direction) == facts, "\(name), cut at \(cut)")
        }
    }

    @Test func aHoleInsideContentIsStepped() {
        let data = Self.frame(0, stream: 1, [UInt8](repeating: 1, count: 20))
        let pieces = [Self.settings + data.prefix(15), Array(data.suffix(9)) + Self.frame(6)]
        #expect(
            Self.facts(pieces, .server, gapAfter: 0, gap: 5)
                == "DATA:1 SETTINGS:1 PING:1 3=100 4=10485760 streams 1 !gapAfterSwitch@36")
    }

    @Test func aHoleAmongFramesLosesThePlace() {
        #expect(
            Self.facts([Self.settings, Self.frame(6)], .server, gapAfter: 0, gap: 5)
                == "SETTINGS:1 3=100 4=10485760 streams 1 !gapAfterSwitch@21 !syncLost@21")
    }
}
