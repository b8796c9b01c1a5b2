// Compressed messages: the examples of RFC 7692, and what zlib makes of random ones, read back in random pieces.

import CZlib
import Ground
import TestSupport
import Testing

@testable import Traffic

@Suite("Compressed messages") struct MessageInflaterTests {
    struct Row: CustomTestStringConvertible {
        var testDescription: String
        var payloads: [[UInt8]]
        var texts: [String]
        var failure: InflateFailure?
        var keepsTail = false
        var reachesBack = false
    }

    static let hello: [UInt8] = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]
    static let rows: [Row] = [
        Row(testDescription: "one block", payloads: [hello], texts: ["Hello"]),
        Row(
            testDescription: "the window goes on", payloads: [hello, [0xf2, 0x00, 0x11, 0x00, 0x00]],
            texts: ["Hello", "Hello"], reachesBack: true),
        Row(
            testDescription: "a stored block",
            payloads: [[0x00, 5, 0, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00]],
            texts: ["Hello"]),
        Row(
            testDescription: "a final block", payloads: [[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]],
            texts: ["Hello"]),
        Row(
            testDescription: "a final block and nothing behind it",
            payloads: [[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]],
            texts: ["Hello"]),
        Row(
            testDescription: "two blocks",
            payloads: [[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00]], texts: ["Hello"]
        ),
        Row(testDescription: "an empty message", payloads: [[0x00], hello], texts: ["", "Hello"]),
        Row(testDescription: "no payload at all", payloads: [[], hello], texts: ["", "Hello"]),
        Row(
            testDescription: "the tail was left", payloads: [hello + [0x00, 0x00, 0xff, 0xff]], texts: ["Hello"],
            keepsTail: true),
        Row(testDescription: "no such block", payloads: [[0xff, 0xff, 0xff]], texts: [""], failure: .blockType),
        Row(
            testDescription: "nothing to refer to", payloads: [[0xf2, 0x00, 0x11, 0x00, 0x00]], texts: ["H"],
            failure: .distance),
        Row(
            testDescription: "stored lengths disagree", payloads: [[0x00, 5, 0, 0xfa, 0xfe, 0x48]], texts: [""],
            failure: .storedLength),
        Row(testDescription: "cut short", payloads: [[0xf2, 0x48, 0xcd]], texts: ["He"], failure: .cutShort),
    ]

    @Test(arguments: rows)
    func examples(_ row: Row) {
        for step in 1...3 {
            let inflater = MessageInflater(limit: 1 << 20, memory: InflaterMemory(limit: .max))
            for (number, payload) in row.payloads.enumerated() {
                let (text, message) = read(payload, with: inflater) { _ in step }
                let isLast = number == row.payloads.count - 1
                #expect(message.failure == (isLast ? row.failure : nil))
                #expect(message.keepsTail == (isLast && row.keepsTail))
                #expect(message.reachesBack == (isLast && row.reachesBack))
                if message.failure == nil { #expect(text == Array(row.texts[number].utf8)) }
            }
        }
    }

    @Test func growthIsBounded() {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let packed = Deflater(bits: 15).message(zeros)
        let whole = MessageInflater(limit: 1 << 22, memory: InflaterMemory(limit: .max))
        let (text, message) = read(packed, with: whole) { _ in 100 }
        #expect(text == zeros && !message.isCut && message.inflated == 1 << 20 && message.compressed < 1100)
        let (_, cut) = read(packed, with: MessageInflater(limit: 1 << 18, memory: InflaterMemory(limit: .max))) { _ in
            100
        }
        #expect(cut.isCut && cut.inflated < 1 << 19)
    }

    @Test func allInflatersTogetherAreBounded() {
        let memory = InflaterMemory(limit: 100_000)
        let noise = Deflater(bits: 15).message((0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) })
        var inflaters: [MessageInflater] = []
        for _ in 0..<100 {
            let inflater = MessageInflater(limit: 1 << 20, memory: memory)
            inflaters.append(inflater)
            guard !inflater.isStarved else { continue }
            _ = read(noise, with: inflater) { _ in 1000 }
        }
        #expect(inflaters.count { !$0.isStarved } == 2)
        // What is over gives back what it took.
        inflaters = []
        #expect(memory.bytes == 0)
        #expect(!MessageInflater(limit: 1 << 20, memory: memory).isStarved)
    }

    @Test func runsAreRepeated() {
        let start = (0..<40).map { UInt8($0) } + [UInt8](repeating: 99, count: 300)
        var wrong: [String] = []
        for distance in 1...40 {
            for length in [0, 1, 15, 16, 39, 40, 41, 100, 258] {
                var bytes = start
                var wanted = start
                for index in 0..<length { wanted[40 + index] = wanted[40 + index - distance] }
                bytes.repeatBytes(at: 40, distance: distance, length: length)
                if bytes != wanted { wrong.append("\(distance) back, \(length) bytes") }
            }
        }
        #expect(wrong.isEmpty)
    }

    struct Bomb: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var messages: [[UInt8]]
        var change: @Sendable (inout Limits) -> Void
        /// Messages that were inflated, at least in part.
        var inflated: ClosedRange<Int64>
        var anomalies: [Anomaly.Kind]
        var limitsHit: [String]
    }

    private static let mebibyte = [UInt8](repeating: 0x61, count: 1 << 20)
    /// Long enough to be cut in the middle of its frame, and no text as it is on the wire.
    private static let mixed = (0..<30_000).map { 0x20 + UInt8(truncatingIfNeeded: ($0 &* $0) >> 5) % 90 }

    static let bombs: [Bomb] = [
        Bomb(
            testDescription: "within the limit", messages: [mebibyte, mebibyte], change: { _ in },
            inflated: (2 << 20)...(2 << 20), anomalies: [.inflationExtreme], limitsHit: []),
        Bomb(
            testDescription: "extreme ones add up", messages: [[UInt8]](repeating: mebibyte, count: 9),
            change: { $0.inflatedBytes = 5 << 20 }, inflated: (6 << 20)...(6 << 20), anomalies: [.inflationExtreme],
            limitsHit: ["inflated-bytes"]),
        Bomb(
            testDescription: "text that is given up is not checked as it lies on the wire", messages: [mixed, mixed],
            change: { $0.inflatedBytes = 9000 }, inflated: 9000...40_000, anomalies: [.inflationExtreme],
            limitsHit: []),
        Bomb(
            testDescription: "no memory", messages: [mixed, mixed], change: { $0.totalInflatingBytes = 8000 },
            inflated: 0...0, anomalies: [], limitsHit: ["total-inflating-bytes"]),
        Bomb(
            testDescription: "no memory from the beginning", messages: [mixed],
            change: { $0.totalInflatingBytes = 1 }, inflated: 0...0, anomalies: [], limitsHit: ["total-inflating-bytes"]
        ),
    ]

    @Test(arguments: bombs) func bombsEnd(_ bomb: Bomb) throws {
        let facts = WebSocketFacts()
        facts.agreement.deflate = true
        facts.agreement.agree(on: Array("permessage-deflate".utf8)[...])
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: 0)
        let peer = Endpoint(address: IPAddress(v4: 1), port: 1)
        var exchange = Exchange(
            kind: .upgrade, connection: ConnectionFacts(id: 1, client: peer, server: peer, first: mark), first: mark)
        exchange.websocket = facts
        var limits = Limits()
        bomb.change(&limits)
        let decoder = WebSocketDecoder(exchange: exchange, limits: limits)
        let deflater = Deflater(bits: 15)
        var offset: Int64 = 0
        for message in bomb.messages {
            let packed = deflater.message(message)
            let wire = [0xc1, 126, UInt8(packed.count >> 8), UInt8(packed.count & 255)] + packed
            var index = 0
            while index < wire.count {
                let end = min(wire.count, index + 1000)
                decoder.receive(Chunk(wire.span.extracting(index..<end), .server, offset: offset, arrival: mark))
                offset += Int64(end - index)
                index = end
            }
        }
        decoder.finish(into: &exchange)
        let side = try #require(exchange.websocket?.sides.server)
        #expect(bomb.inflated.contains(side.inflatedBytes), "\(side.inflatedBytes)")
        #expect(side.textMessages == UInt64(bomb.messages.count))
        #expect(exchange.anomalies.map(\.kind) == bomb.anomalies)
        #expect(exchange.limitsHit == bomb.limitsHit)
    }

    /// Ten thousand sessions' worth of one direction.
    @Test func whatZlibPacksComesBack() {
        var random = SeededNumbers(seed: 7692)
        for number in 0..<10_000 {
            let session = RandomSession(&random)
            #expect(session.isReadBack(&random), "case \(number)")
            #expect(session.isUnderstood(&random), "case \(number): \(session.described)")
        }
    }

    /// Noise neither stops nor outgrows the reader.
    @Test func noiseIsRefused() {
        var random = SeededNumbers(seed: 1951)
        for _ in 0..<3_000 {
            let inflater = MessageInflater(limit: 1 << 16, memory: InflaterMemory(limit: .max))
            var payload = Deflater(bits: 15).message(random.bytes(Int.random(in: 1...300, using: &random)))
            for _ in 0..<3 {
                payload[Int.random(in: payload.indices, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            }
            let (text, message) = read(payload, with: inflater) { _ in 7 }
            #expect(Int64(text.count) == message.inflated)
            #expect(message.inflated < 1 << 17)
        }
    }
}

/// What comes out of a payload handed over in pieces.
private func read(
    _ payload: [UInt8], with inflater: MessageInflater, piece: (Int) -> Int
) -> ([UInt8], InflatedMessage) {
    var text: [UInt8] = []
    inflater.begin()
    var index = 0
    while index < payload.count {
        let end = min(payload.count, index + max(1, piece(index)))
        _ = inflater.receive(payload.span, index, end, mask: 0) { text.append($0) }
        index = end
    }
    let message = inflater.end { text.append($0) }
    return (text, message)
}

/// One direction of a session: parameters, messages, and the frames zlib and chance make of them.
private struct RandomSession {
    var bits: Int
    var keepsContext: Bool
    var isClient: Bool
    var messages: [(text: [UInt8], isText: Bool, packed: [UInt8]?)] = []

    init(_ random: inout SeededNumbers) {
        bits = Int.random(in: 9...15, using: &random)
        keepsContext = Bool.random(using: &random)
        isClient = Bool.random(using: &random)
        let deflater = Deflater(
            bits: bits, level: Int32.random(in: 0...9, using: &random), memory: Int32.random(in: 1...8, using: &random),
            strategy: Int32.random(in: 0...4, using: &random))
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let isText = Bool.random(using: &random)
            let text = isText ? random.text() : random.repetitive()
            var packed: [UInt8]?
            if Int.random(in: 0..<4, using: &random) > 0 {
                if !keepsContext { deflater.reset() }
                packed = deflater.message(text)
            }
            messages.append((text, isText, packed))
        }
    }

    var described: String {
        "bits \(bits), context \(keepsContext), client \(isClient), "
            + messages.map { "\($0.text.count)\($0.isText ? "t" : "b")\($0.packed.map { "/\($0.count)" } ?? "")" }
            .joined(separator: " ")
    }

    func isReadBack(_ random: inout SeededNumbers) -> Bool {
        let inflater = MessageInflater(limit: 1 << 30, memory: InflaterMemory(limit: .max))
        for message in messages {
            guard let packed = message.packed else { continue }
            let step = Int.random(in: 1...max(1, packed.count), using: &random)
            let (text, result) = read(packed, with: inflater) { _ in step }
            guard text == message.text, result.failure == nil, !result.keepsTail, result.farthest <= 1 << bits,
                keepsContext || !result.reachesBack, result.compressed == Int64(packed.count)
            else { return false }
        }
        return true
    }

    func isUnderstood(_ random: inout SeededNumbers) -> Bool {
        let facts = WebSocketFacts()
        facts.agreement.deflate = true
        let side = isClient ? "client" : "server"
        let context = keepsContext ? "" : "; \(side)_no_context_takeover"
        facts.agreement.agree(on: Array("permessage-deflate\(context); \(side)_max_window_bits=\"\(bits)\"".utf8)[...])
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: 0)
        let peer = Endpoint(address: IPAddress(v4: 1), port: 1)
        var exchange = Exchange(
            kind: .upgrade, connection: ConnectionFacts(id: 1, client: peer, server: peer, first: mark), first: mark)
        exchange.websocket = facts
        let decoder = WebSocketDecoder(exchange: exchange, limits: Limits())
        let wire = frames(&random)
        var index = 0
        while index < wire.count {
            let end = min(wire.count, index + Int.random(in: 1...1500, using: &random))
            decoder.receive(
                Chunk(
                    wire.span.extracting(index..<end), isClient ? .client : .server, offset: Int64(index), arrival: mark
                ))
            index = end
        }
        decoder.finish(into: &exchange)
        guard let seen = exchange.websocket?.sides[isClient ? .client : .server] else { return false }
        let packed = messages.filter { $0.packed != nil }
        return exchange.anomalies.isEmpty && seen.textMessages == UInt64(messages.count { $0.isText })
            && seen.binaryMessages == UInt64(messages.count { !$0.isText })
            && seen.compressedMessages == UInt64(packed.count)
            && seen.inflatedBytes == Int64(packed.reduce(0) { $0 + $1.text.count })
            && seen.wireBytes == Int64(wire.count)
    }

    /// Fragments of any size, with a Ping in between now and then.
    private func frames(_ random: inout SeededNumbers) -> [UInt8] {
        var wire: [UInt8] = []
        for message in messages {
            let payload = message.packed ?? message.text
            var index = 0
            var isFirst = true
            repeat {
                let isWhole = Bool.random(using: &random)
                let count =
                    isWhole ? payload.count - index : Int.random(in: 0...(payload.count - index), using: &random)
                append(
                    &wire, opcode: isFirst ? (message.isText ? 1 : 2) : 0, final: index + count == payload.count,
                    rsv1: isFirst && message.packed != nil, payload[index..<(index + count)], &random)
                isFirst = false
                index += count
                if index < payload.count, Int.random(in: 0..<4, using: &random) == 0 {
                    append(&wire, opcode: 9, final: true, rsv1: false, [0x61], &random)
                }
            } while index < payload.count
        }
        return wire
    }

    private func append(
        _ wire: inout [UInt8], opcode: UInt8, final: Bool, rsv1: Bool, _ payload: ArraySlice<UInt8>,
        _ random: inout SeededNumbers
    ) {
        wire.append((final ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode)
        let mask: UInt8 = isClient ? 0x80 : 0
        switch payload.count {
        case ..<126: wire.append(mask | UInt8(payload.count))
        case ..<65536: wire += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            wire.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) { wire.append(UInt8(payload.count >> shift & 255)) }
        }
        guard isClient else {
            wire += payload
            return
        }
        let key = random.bytes(4)
        wire += key
        for (index, byte) in payload.enumerated() { wire.append(byte ^ key[index & 3]) }
    }
}

/// zlib's side of RFC 7692 7.2.1.
@safe private final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    init(bits: Int, level: Int32 = 6, memory: Int32 = 8, strategy: Int32 = 0) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe deflateInit2_(
            stream, level, Z_DEFLATED, -Int32(bits), memory, strategy, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK)
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    func reset() { unsafe deflateReset(stream) }

    /// One message, without the 00 00 ff ff at its end.
    func message(_ text: [UInt8]) -> [UInt8] {
        var input = text.isEmpty ? [0] : text
        var output = [UInt8](repeating: 0, count: text.count * 2 + 1024)
        let count = output.count
        unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.pointee.next_in = source.baseAddress
                unsafe stream.pointee.avail_in = UInt32(text.count)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(count)
                unsafe deflate(stream, Z_SYNC_FLUSH)
            }
        }
        output.removeLast(unsafe Int(stream.pointee.avail_out))
        // Nothing was written where nothing was new: an empty message is a single zero byte (RFC 7692 7.2.3.6).
        return output.count < 5 ? [0] : Array(output.dropLast(4))
    }
}

extension SeededNumbers {
    fileprivate mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    /// Mostly short, now and then longer than the window.
    private mutating func size() -> Int {
        let sizes = [0, 1, 5, 60, 125, 126, 200, 600]
        return Int(next() % 1000) == 0 ? Int(next() % 90_000) : Int(next() % UInt64(sizes[Int(next() % 8)] + 1))
    }

    fileprivate mutating func text() -> [UInt8] {
        let words = ["price", "{\"id\":", "42", "é", "漢字", "😀", "aaaa", ",", " ", "true", "tick"]
        let count = size()
        var text: [UInt8] = []
        while text.count < count { text += Array(words[Int(next() % UInt64(words.count))].utf8) }
        return text
    }

    fileprivate mutating func repetitive() -> [UInt8] {
        let count = size()
        var text: [UInt8] = []
        while text.count < count {
            switch next() % 3 {
            case 0: text += bytes(1 + Int(next() % 40))
            case 1: text += [UInt8](repeating: UInt8(next() % 4), count: 1 + Int(next() % 400))
            default:
                guard !text.isEmpty else { continue }
                let start = Int(next() % UInt64(text.count))
                text += text[start..<min(text.count, start + Int(next() % 300))]
            }
        }
        return text
    }
}
