// RFC 6455 frames as rows: every anomaly with its trigger and a near miss, wherever the bytes are cut.

import Ground
import TestSupport
import Testing

@testable import Traffic

/// A frame, masked as the client's are unless said otherwise.
func frame(
    _ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, reserved: UInt8 = 0,
    key: [UInt8]? = [0x37, 0xfa, 0x21, 0x3d], lengthBytes: Int? = nil, announced: UInt64? = nil
) -> [UInt8] {
    let length = announced ?? UInt64(payload.count)
    let bytes = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8)
    let short = bytes == 0 ? UInt8(length) : bytes == 2 ? 126 : 127
    var result = [(fin ? 0x80 : 0) | reserved << 4 | opcode, (key == nil ? 0 : 0x80) | short]
    for index in (0..<bytes).reversed() { result.append(UInt8(truncatingIfNeeded: length >> (UInt64(index) * 8))) }
    guard let key else { return result + payload }
    return result + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
}

func text(_ string: String, fin: Bool = true, key: [UInt8]? = [1, 2, 3, 4]) -> [UInt8] {
    frame(1, Array(string.utf8), fin: fin, key: key)
}

@Suite struct WebSocketDecoderTests {
    static func session(
        _ pieces: [[UInt8]], _ direction: Direction = .client, deflate: Bool = false, unknownExtension: Bool = false,
        gapAfter: Int? = nil, gap: Int64 = 0
    ) -> Exchange {
        let endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
        var exchange = Exchange(
            kind: .upgrade,
            connection: ConnectionFacts(id: 0, client: endpoint, server: endpoint, first: Invariants.mark),
            first: Invariants.mark)
        let facts = WebSocketFacts()
        facts.agreement.deflate = deflate
        facts.agreement.unknownExtension = unknownExtension
        exchange.websocket = facts
        let decoder = WebSocketDecoder(exchange: exchange, limits: Limits())
        var offset: Int64 = 0
        for (index, piece) in pieces.enumerated() {
            decoder.receive(Chunk(piece.span, direction, offset: offset, arrival: Invariants.mark))
            offset += Int64(piece.count)
            if index == gapAfter {
                decoder.gap(Gap(direction: direction, from: offset, to: offset + gap, arrival: Invariants.mark))
                offset += gap
            }
        }
        decoder.finish(into: &exchange)
        return exchange
    }

    static func kinds(_ exchange: Exchange) -> String {
        exchange.anomalies.map { $0.count > 1 ? "\($0.kind) x\($0.count)" : "\($0.kind)" }.joined(separator: " ")
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var direction = Direction.client
        var deflate = false
        var unknownExtension = false
        var bytes: [UInt8]
        var kinds: String
        var testDescription: String { name }
    }

    static let long = [UInt8](repeating: 0x61, count: 126)
    static let rows: [Row] = [
        Row(name: "a masked client", bytes: text("hi"), kinds: ""),
        Row(name: "a mask of zeros is a mask", bytes: text("hi", key: [0, 0, 0, 0]), kinds: ""),
        Row(name: "an unmasked client", bytes: text("hi", key: nil), kinds: "clientUnmasked"),
        Row(name: "twice is counted", bytes: text("a", key: nil) + text("b", key: nil), kinds: "clientUnmasked x2"),
        Row(name: "an unmasked server", direction: .server, bytes: text("hi", key: nil), kinds: ""),
        Row(name: "a masked server", direction: .server, bytes: text("hi"), kinds: "serverMasked"),
        // Reserved bits.
        Row(name: "rsv1", bytes: frame(1, reserved: 4), kinds: "reservedBits"),
        Row(name: "rsv2", bytes: frame(1, reserved: 2), kinds: "reservedBits"),
        Row(name: "rsv3", bytes: frame(9, reserved: 1), kinds: "reservedBits"),
        Row(name: "rsv1 with deflate", deflate: true, bytes: frame(1, hex("f248cdc9c90700"), reserved: 4), kinds: ""),
        Row(name: "rsv2 with deflate", deflate: true, bytes: frame(1, reserved: 2), kinds: "reservedBits"),
        Row(name: "rsv1 and rsv2 with deflate", deflate: true, bytes: frame(1, reserved: 6), kinds: "reservedBits"),
        Row(name: "any with a foreign extension", unknownExtension: true, bytes: frame(1, reserved: 7), kinds: ""),
        Row(name: "rsv1 on a ping", deflate: true, bytes: frame(9, reserved: 4), kinds: "rsv1Misplaced"),
        Row(
            name: "rsv1 on a continuation", deflate: true,
            bytes: frame(1, fin: false, reserved: 4) + frame(0, reserved: 4), kinds: "rsv1Misplaced"),
        Row(
            name: "rsv1 on the first fragment", deflate: true,
            bytes: frame(1, hex("f248cd"), fin: false, reserved: 4) + frame(0, hex("c9c90700")), kinds: ""),
        // Opcodes.
        Row(name: "opcode 3", bytes: frame(3), kinds: "reservedOpcode"),
        Row(name: "opcode 7", bytes: frame(7, [1, 2]), kinds: "reservedOpcode"),
        Row(name: "opcode 11", bytes: frame(11), kinds: "reservedOpcode"),
        Row(name: "opcode 15", bytes: frame(15), kinds: "reservedOpcode"),
        Row(name: "opcodes that are known", bytes: frame(2) + frame(9) + frame(10) + frame(8), kinds: ""),
        // Lengths.
        Row(name: "125", bytes: frame(2, Array(long.dropLast())), kinds: ""),
        Row(name: "126", bytes: frame(2, long), kinds: ""),
        Row(name: "127", bytes: frame(2, long + [1]), kinds: ""),
        Row(
            name: "125 in two bytes", bytes: frame(2, Array(long.dropLast()), lengthBytes: 2), kinds: "lengthNotMinimal"
        ),
        Row(name: "0 in two bytes", bytes: frame(2, lengthBytes: 2), kinds: "lengthNotMinimal"),
        Row(name: "126 in eight bytes", bytes: frame(2, long, lengthBytes: 8), kinds: "lengthNotMinimal"),
        Row(name: "the highest bit", bytes: frame(2, announced: 1 << 63), kinds: "lengthNotMinimal"),
        Row(name: "the largest of all", bytes: frame(2, announced: .max), kinds: "lengthNotMinimal"),
        Row(name: "as large as may be", bytes: frame(2, [1], announced: 16 << 20), kinds: ""),
        Row(name: "one byte more", bytes: frame(2, [1], announced: 16 << 20 + 1), kinds: "frameOversized"),
        // Control frames.
        Row(name: "a ping of 125", bytes: frame(9, Array(long.dropLast())), kinds: ""),
        Row(name: "a ping of 126", bytes: frame(9, long), kinds: "controlInvalid"),
        Row(name: "a ping in fragments", bytes: frame(9, fin: false), kinds: "controlInvalid"),
        Row(
            name: "a ping among fragments", bytes: text("a", fin: false) + frame(9, [1]) + frame(0, [0x62]), kinds: ""),
        // Messages.
        Row(name: "a continuation of nothing", bytes: frame(0), kinds: "continuationOrphan"),
        Row(name: "a continuation too many", bytes: text("a") + frame(0), kinds: "continuationOrphan"),
        Row(name: "a message inside another", bytes: text("a", fin: false) + text("b"), kinds: "messageInterleaved"),
        Row(name: "one behind the other", bytes: text("a", fin: false) + frame(0) + text("b"), kinds: ""),
        // Text.
        Row(name: "a text that is none", bytes: frame(1, [0xc3, 0x28]), kinds: "textNotUTF8"),
        Row(name: "a text that is one", bytes: frame(1, [0xc3, 0xa9]), kinds: ""),
        Row(name: "a text that stops inside", bytes: frame(1, [0x61, 0xc3]), kinds: "textNotUTF8"),
        Row(name: "binary is not looked at", bytes: frame(2, [0xc3, 0x28]), kinds: ""),
        Row(
            name: "a code point over frames, a ping between",
            bytes: frame(1, [0xe2], fin: false) + frame(9, [0xff]) + frame(0, [0x82], fin: false) + frame(0, [0xac]),
            kinds: ""),
        Row(
            name: "a broken one over frames",
            bytes: frame(1, [0xe2], fin: false) + frame(9, [0xff]) + frame(0, [0x28]), kinds: "textNotUTF8"),
        Row(
            name: "the next message begins anew", bytes: frame(1, [0x61]) + frame(2, [0xc3]) + frame(1, [0xc3, 0xa9]),
            kinds: ""),
        // Close.
        Row(name: "an empty close", bytes: frame(8), kinds: ""),
        Row(name: "a close of one byte", bytes: frame(8, [3]), kinds: "closeInvalid"),
        Row(name: "a code and a reason", bytes: frame(8, [3, 0xe8] + Array("bye é".utf8)), kinds: ""),
        Row(name: "a reason that is no text", bytes: frame(8, [3, 0xe8, 0xff]), kinds: "closeInvalid"),
        Row(name: "a reason that stops inside", bytes: frame(8, [3, 0xe8, 0xc3]), kinds: "closeInvalid"),
        Row(name: "text behind a close", bytes: frame(8) + text("a"), kinds: "dataAfterClose"),
        Row(name: "a pong behind a close", bytes: frame(8) + frame(10), kinds: "controlAfterClose"),
        // No frames at all.
        Row(
            name: "HTTP where frames are due", bytes: Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
            kinds: "httpInFrames"),
        Row(
            name: "HTTP of the server", direction: .server, bytes: Array("HTTP/1.1 200 OK\r\n\r\n".utf8),
            kinds: "httpAfterSwitch"),
        Row(
            name: "a text that looks like HTTP", bytes: text("GET / HTTP/1.1\r\n\r\n"), kinds: ""),
        // After the first error of a kind others are noise.
        Row(name: "one error hides the next", bytes: text("a", key: nil) + frame(3), kinds: "clientUnmasked"),
    ]

    @Test(arguments: rows) func frames(row: Row) {
        func read(_ pieces: [[UInt8]]) -> String {
            Self.kinds(
                Self.session(pieces, row.direction, deflate: row.deflate, unknownExtension: row.unknownExtension))
        }
        #expect(read([row.bytes]) == row.kinds)
        #expect(read(row.bytes.map { [$0] }) == row.kinds, "byte by byte")
        for cut in row.bytes.indices.dropFirst() {
            #expect(read([Array(row.bytes[..<cut]), Array(row.bytes[cut...])]) == row.kinds, "cut at \(cut)")
        }
    }

    /// Every kind of frame anomaly stands in a row.
    @Test(arguments: Anomaly.Kind.allCases.filter { $0.rawValue <= Anomaly.Kind.httpInFrames.rawValue })
    func everyKindHasATrigger(kind: Anomaly.Kind) {
        #expect(Self.rows.contains { $0.kinds.hasPrefix("\(kind)") })
    }

    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999])
    func aCodeThatMayBeSent(code: Int) {
        let exchange = Self.session([frame(8, be16(code))])
        #expect(Self.kinds(exchange).isEmpty)
        #expect(exchange.websocket?.sides.client.close?.code == UInt16(code))
    }

    @Test(arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535])
    func aCodeThatMayNot(code: Int) {
        let exchange = Self.session([frame(8, be16(code))])
        #expect(Self.kinds(exchange) == "closeInvalid")
        #expect(exchange.anomalies.first?.value == Int64(code))
    }

    @Test(arguments: [0, 1, 124, 125, 126, 127, 65534, 65535, 65536, 65537])
    func aLengthIsRead(count: Int) throws {
        let bytes = frame(2, [UInt8](repeating: 5, count: count)) + frame(10)
        let side = try #require(Self.session([bytes]).websocket?.sides.client)
        #expect(side.payloadBytes == Int64(count))
        #expect(side.wireBytes == Int64(bytes.count))
        #expect(side.frames[2] == 1 && side.frames[10] == 1)
        #expect(side.binaryMessages == 1)
        #expect(!side.lost)
    }

    @Test func messagesAreCountedNotFragments() throws {
        let bytes = text("a", fin: false) + frame(0, [0x62], fin: false) + frame(9) + frame(0, [0x63]) + frame(2, [1])
        let side = try #require(Self.session([bytes]).websocket?.sides.client)
        #expect(side.textMessages == 1 && side.binaryMessages == 1)
        #expect(side.frames[0] == 2 && side.frames[1] == 1 && side.frames[9] == 1)
    }

    @Test func keysAreWatched() throws {
        let zero: [UInt8] = [0, 0, 0, 0]
        let bytes =
            text("a", key: zero) + text("b", key: zero) + text("c", key: [1, 2, 3, 4]) + text("", key: [9, 9, 9, 9])
        let side = try #require(Self.session([bytes]).websocket?.sides.client)
        #expect(side.maskedFrames == 3)
        #expect(side.zeroKeys == 2)
        #expect(side.longestEqualKeyRun == 2)
    }

    @Test func aHoleInsideAPayloadIsStepped() throws {
        let whole = frame(1, Array("0123456789".utf8))
        let exchange = Self.session(
            [Array(whole.prefix(8)), Array(whole.suffix(5)) + text("next") + frame(3)], gapAfter: 0, gap: 3)
        #expect(Self.kinds(exchange) == "gapAfterSwitch reservedOpcode")
        let side = try #require(exchange.websocket?.sides.client)
        #expect(side.textMessages == 2 && !side.lost && side.payloadBytes == 14)
    }

    @Test func whatAHoleTookIsNotCalledBroken() {
        // The first byte of a code point is missing: nobody knows that the text is wrong.
        let whole = frame(1, Array("ab\u{20ac}cd".utf8))
        let exchange = Self.session([Array(whole.prefix(8)), Array(whole.dropFirst(9))], gapAfter: 0, gap: 1)
        #expect(Self.kinds(exchange) == "gapAfterSwitch")
    }

    /// A hole that ends where the payload does leaves the next frame where it must be.
    @Test(arguments: [1, 2, 9, 10] as [UInt8])
    func aHoleUpToTheEndOfAPayloadIsStepped(opcode: UInt8) throws {
        let exchange = Self.session(
            [Array(frame(opcode, Array("0123456789".utf8)).dropLast(4)), text("next") + frame(3)], gapAfter: 0, gap: 4)
        #expect(Self.kinds(exchange) == "gapAfterSwitch reservedOpcode")
        let side = try #require(exchange.websocket?.sides.client)
        #expect(!side.lost && side.frames[Int(opcode)] + side.frames[1] >= 2 && side.payloadBytes == 14)
        #expect(side.textMessages == (opcode == 1 ? 2 : 1) && side.binaryMessages == (opcode == 2 ? 1 : 0))
    }

    /// What a hole took of a Close frame cannot make it invalid.
    @Test func aHoleInsideCloseLeavesAClose() throws {
        let close = frame(8, [3, 0xe8] + Array("bye".utf8))
        let exchange = Self.session([Array(close.dropLast(3)), []], gapAfter: 0, gap: 3)
        #expect(Self.kinds(exchange) == "gapAfterSwitch")
        #expect(exchange.websocket?.sides.client.close?.code == 1000)
    }

    /// After the hole frames are found again: counted apart, and judged no more.
    @Test func framesAreFoundBehindAHole() throws {
        let exchange = Self.session(
            [
                text("a") + frame(1, Array("lost".utf8)).prefix(3),
                text("b") + text("c", fin: false) + frame(0, [0x64]),
                frame(2, [1, 2], reserved: 0) + frame(3) + text("z"),
                frame(8, [3, 0xe8]),
            ], gapAfter: 0, gap: 40)
        #expect(Self.kinds(exchange) == "gapAfterSwitch syncLost")
        let side = try #require(exchange.websocket?.sides.client)
        #expect(side.lost && side.frames[1] == 1 && side.textMessages == 1 && side.close == nil)
        let resumed = try #require(side.resumed.first)
        #expect(resumed.frames[1] == 2 && resumed.frames[0] == 1 && resumed.frames[2] == 1)
        #expect(resumed.textMessages == 2 && resumed.binaryMessages == 1)
        #expect(resumed.place.offset == 50)
    }

    @Test func aHoleAmongFramesLosesThePlace() throws {
        for (before, missing) in [
            (text("a"), Int64(1)), (Array(text("abc").dropLast()), 5), (Array(text("abc").prefix(3)), 1),
            (Array(frame(9, [1, 2]).dropLast()), 2),
        ] {
            let exchange = Self.session([before, text("b")], gapAfter: 0, gap: missing)
            #expect(Self.kinds(exchange) == "gapAfterSwitch syncLost")
            #expect(try #require(exchange.websocket?.sides.client).lost)
        }
    }

    @Test func aPongAnswersItsPing() throws {
        let endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
        let facts = ConnectionFacts(id: 0, client: endpoint, server: endpoint, first: Invariants.mark)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: Invariants.mark)
        let decoder = WebSocketDecoder(exchange: exchange, limits: Limits())
        func send(_ bytes: [UInt8], _ direction: Direction, at time: Int64) {
            let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: time), heard: 0)
            decoder.receive(Chunk(bytes.span, direction, offset: 0, arrival: mark))
        }
        send(frame(9, [1]), .client, at: 100)
        send(frame(9, [2]), .client, at: 200)
        send(frame(10, [7], key: nil), .server, at: 250)
        send(frame(10, [2], key: nil), .server, at: 500)
        send(frame(10, [1], key: nil), .server, at: 900)
        decoder.finish(into: &exchange)
        #expect(exchange.websocket?.pings.samples == [300])
        #expect(exchange.websocket?.pings.count == 1)
    }
}

@Suite struct WebSocketAcceptTests {
    /// The sample of RFC 6455 1.3, and keys whose digests have every form.
    @Test(arguments: [
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ("", "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
    ])
    func theAnswerToAKey(key: String, accept: String) {
        #expect(WebSocketAccept.value(for: Array(key.utf8)[...]) == Array(accept.utf8))
    }

    /// Base64 as RFC 4648 4 describes it, six bits after the other.
    @Test func theLettersAreThoseOfTheDigest() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var chance = SeededNumbers(seed: 11)
        var met: Set<UInt8> = []
        for _ in 0..<500 {
            let key = (0..<24).map { _ in alphabet[Int(chance.next() % 64)] }
            let input = key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
            let digest = SHA1.digest(of: input.span)
            var letters: [UInt8] = []
            var value = 0
            for bit in 0..<162 {
                let byte = bit < 160 ? digest[bit / 8] : 0
                value = value << 1 | Int(byte >> (7 - UInt8(bit % 8)) & 1)
                if bit % 6 == 5 { letters.append(alphabet[value & 63]) }
            }
            letters.append(UInt8(ascii: "="))
            met.formUnion(letters)
            #expect(WebSocketAccept.value(for: key[...]) == letters)
        }
        #expect(met.count == 65)
    }
}
