// What must hold for any bytes whatever, one sentence for each reader.
//
// The fuzzer of the package in Fuzz/ and the test that replays its crashes call the same functions: each takes bytes
// that mean nothing and answers with what was broken, or `nil`. The first bytes often choose a split, because what is
// read must never depend on where the bytes were cut.

import Ground

@testable import Traffic

enum Invariants {
    typealias Entry = @Sendable ([UInt8]) -> String?

    /// Every entry by its name.
    static let entries: [(name: String, run: Entry)] = [
        ("capture", capture), ("dissector", dissector), ("analyzer", analyzer), ("request-head", requestHead),
        ("response-head", responseHead), ("chunked", chunked), ("websocket", webSocket), ("http2", http2),
        ("utf8", utf8), ("client-hello", clientHello),
    ]

    static func entry(_ name: String) -> Entry? { entries.first { $0.name == name }?.run }

    /// A capture read through a small window in small reads has the packets of one read at once.
    @Sendable static func capture(_ bytes: [UInt8]) -> String? {
        func read(_ chunk: Int, _ window: Int) -> (packets: [String], problems: [String])? {
            guard var reader = try? CaptureReader(bytes: bytes, name: "fuzz", chunk: chunk, windowSize: window) else {
                return nil
            }
            var batch: [CapturedPacket] = []
            var packets: [String] = []
            while reader.readBatch(&batch) {
                for packet in batch {
                    var sum = 0
                    for index in packet.range { sum = sum &* 31 &+ Int(reader.window[index]) }
                    packets.append("\(packet.number) \(packet.time) \(packet.linkType) \(packet.range.count) \(sum)")
                }
            }
            return (packets, reader.description.problems.map { "\($0.kind) \($0.offset)" })
        }
        let whole = read(.max, 1 << 18)
        let pieces = read(7, 64)
        if whole?.packets != pieces?.packets { return "packets depend on how the input was read" }
        if whole?.problems != pieces?.problems { return "problems depend on how the input was read" }
        return nil
    }

    /// The payload of a segment lies within the bytes it was dissected from, and no length is negative.
    @Sendable static func dissector(_ bytes: [UInt8]) -> String? {
        guard bytes.count > 2 else { return nil }
        let linkTypes: [UInt32] = [1, 0, 9, 12, 101, 104, 105, 108, 113, 127, 192, 228, 229, 239, 276]
        var dissector = Dissector(limits: Limits())
        let linkType = linkTypes[Int(bytes[0]) % linkTypes.count]
        // Several packets, so that fragments can meet.
        let step = max(16, Int(bytes[1]) * 8)
        var start = 2
        while start < bytes.count {
            let packet = Array(bytes[start..<min(bytes.count, start + step)])
            let result = dissector.dissect(
                packet.span, linkType: linkType, originalLength: packet.count + Int(bytes[0] >> 4),
                time: Timestamp(nanoseconds: Int64(start)))
            if case .segment(let segment) = result {
                let count = segment.isReassembled ? dissector.reassembled.count : packet.count
                if segment.payload.upperBound > count { return "the payload reaches beyond the packet" }
                if segment.missing < 0 { return "fewer than no bytes are missing" }
            }
            start += step
        }
        return nil
    }

    /// Every connection counted is reported once, every place that is reported lies in its stream, and nothing is left behind.
    @Sendable static func analyzer(_ bytes: [UInt8]) -> String? {
        guard var reader = try? CaptureReader(bytes: bytes, name: "fuzz") else { return nil }
        var options = AnalyzerOptions()
        options.limits.heldBytes = 4096
        options.limits.pendingBytes = 1024
        options.limits.headBytes = 2048
        options.limits.connections = 8
        if bytes.count % 5 == 0 { options.limits.totalPendingBytes = 4096 }
        if bytes.count % 7 == 0 { options.limits.totalInflatingBytes = 8192 }
        options.limits.nestedTunnels = 2
        options.allConnections = bytes.count % 2 == 0
        options.overlap = bytes.count % 3 == 0 ? .last : .first
        let teller = Teller()
        var analyzer = Analyzer(options: options, output: teller)
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            for packet in batch {
                let packetBytes = reader.window.extracting(packet.range).array
                analyzer.receive(packet, capture: 0, bytes: packetBytes.span)
            }
        }
        analyzer.finish()
        let counters = analyzer.counters
        if teller.connections != counters.connections { return "a connection was told of twice or never" }
        if counters.packets != reader.description.packets { return "packets were lost" }
        if analyzer.context.budget.pendingBytes != 0 { return "something is kept that nobody has any more" }
        if analyzer.context.budget.heldBytes != 0 { return "something is held that nobody has any more" }
        if analyzer.context.budget.inflaterMemory.bytes != 0 { return "an inflater is left" }
        return teller.fault
    }

    private final class Teller: AnalyzerObserver {
        var connections: UInt64 = 0
        var fault: String?

        func receive(_ event: AnalyzerEvent) {
            if case .finished(let exchange) = event { finished(exchange) }
            if case .ended(let connection) = event { ended(connection) }
        }

        private func finished(_ exchange: Exchange) {
            if exchange.request == nil, exchange.response == nil {
                let frames = Direction.allCases.reduce(UInt64(0)) { sum, direction in
                    exchange.websocket?.sides[direction].frames.indices.reduce(sum) {
                        $0 &+ (exchange.websocket?.sides[direction].frames[$1] ?? 0)
                    } ?? sum
                }
                if !exchange.protocolInferred || frames < 3 { fault = "an exchange of nothing" }
            }
            for head in [exchange.request, exchange.response].compactMap({ $0 }) + exchange.interim {
                if head.place.length != Int64(head.bytes.count) { fault = "a head is not as long as its place" }
                if head.place.offset < 0 { fault = "a head lies in front of its stream" }
                for line in head.lines where line.valueRange.upperBound > head.bytes.count {
                    fault = "a field reaches beyond its head"
                }
            }
            for anomaly in exchange.anomalies where anomaly.place.length < 0 || anomaly.count == 0 {
                fault = "an anomaly has no place"
            }
            if let early = exchange.early, early.clientBytes <= 0 || early.place.offset < 0 {
                fault = "early data of no bytes"
            }
        }

        private func ended(_ connection: ConnectionRecord) {
            connections += 1
            for counters in [connection.streams.client, connection.streams.server]
            where counters.bytes < 0 || counters.contiguous < 0 || counters.gapBytes < 0
                || counters.contiguous > counters.bytes
            {
                fault = "a stream's counters contradict each other"
            }
        }
    }

    /// A request head is read the same from its exact bytes, and no shorter beginning of it is a whole head.
    @Sendable static func requestHead(_ bytes: [UInt8]) -> String? { head(bytes, request: true) }

    /// A response head is read the same from its exact bytes, and no shorter beginning of it is a whole head.
    @Sendable static func responseHead(_ bytes: [UInt8]) -> String? { head(bytes, request: false) }

    private static func head(_ bytes: [UInt8], request: Bool) -> String? {
        var head = ParsedHead()
        func parse(_ bytes: ArraySlice<UInt8>, _ head: inout ParsedHead) -> HeadResult {
            let copy = Array(bytes)
            return request ? head.parseRequest(copy.span) : head.parseResponse(copy.span)
        }
        let result = parse(bytes[...], &head)
        guard result == .complete else { return nil }
        guard head.skipped <= head.length, head.length <= bytes.count else {
            return "the head is longer than its bytes"
        }
        let message = head.copied(from: bytes.span, place: anywhere(head.length))
        for line in message.lines {
            guard line.nameRange.lowerBound >= 0, line.nameRange.upperBound <= line.valueRange.lowerBound,
                Int(line.valueRange.upperBound) <= message.bytes.count
            else { return "a field line lies outside of its head" }
            let name = String(decoding: message.name(of: line), as: UTF8.self).lowercased()
            let known = FieldName.allCases.first { $0 != .other && $0.text == name } ?? .other
            if known != line.name { return "\(name) was taken for \(line.name)" }
        }
        _ = message.members(.connection)
        _ = request ? head.requestBody(bytes.span).length : head.responseBody(bytes.span, toHEAD: false)
        var again = ParsedHead()
        guard parse(bytes[..<head.length], &again) == .complete, again.length == head.length, again.lines == head.lines,
            again.defects == head.defects
        else { return "what follows a head changes it" }
        if parse(bytes[..<(head.length - 1)], &again) == .complete { return "a head ends before its end" }
        // The search for the end, byte by byte, finds the same end.
        var side = ConversationState.Side(request ? .client : .server)
        for index in bytes.indices.prefix(head.length) {
            side.buffer.append(bytes[index])
            switch side.endOfHead(request: request) {
            case .complete: return index + 1 == head.length ? nil : "byte by byte the head ends early"
            case .notHTTP: return "byte by byte it is no head"
            case .incomplete: break
            }
        }
        return "byte by byte the head has no end"
    }

    /// Chunked content ends at the same byte wherever it is cut.
    @Sendable static func chunked(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let bytes = Array(input.dropFirst())
        var whole = ChunkedReader()
        let end = whole.consume(bytes.span)
        var split = ChunkedReader()
        var position = 0
        let cut = min(bytes.count, Int(first))
        position += split.consume(bytes.span.extracting(0..<cut))
        if position == cut { position += split.consume(bytes.span.extracting(cut...)) }
        guard whole.isDone == split.isDone, whole.isBroken == split.isBroken, end == position else {
            return "the end depends on the cut"
        }
        if !whole.isDone, !whole.isBroken, end != bytes.count { return "bytes were left although more are needed" }
        return nil
    }

    /// What a WebSocket stream shows does not depend on where it is cut.
    @Sendable static func webSocket(_ input: [UInt8]) -> String? {
        guard input.count > 2 else { return nil }
        let bytes = Array(input.dropFirst(2))
        let direction: Direction = input[0] & 1 == 0 ? .client : .server
        let step = Int(input[1] & 31) + 1
        func read(_ step: Int) -> [String] {
            let facts = WebSocketFacts()
            facts.agreement.deflate = input[0] & 2 != 0
            facts.agreement.unknownExtension = input[0] & 4 != 0
            var exchange = Exchange(kind: .upgrade, connection: nowhere, first: mark)
            exchange.websocket = facts
            let decoder = WebSocketDecoder(exchange: exchange, limits: Limits())
            var index = 0
            while index < bytes.count {
                let end = min(bytes.count, index + step)
                decoder.receive(
                    Chunk(bytes.span.extracting(index..<end), direction, offset: Int64(index), arrival: mark))
                index = end
            }
            decoder.finish(into: &exchange)
            let side = exchange.websocket?.sides[direction]
            var words = exchange.anomalies.map { "\($0.kind) \($0.place.offset) \($0.count) \($0.value)" }
            words.append("\(side?.textMessages ?? 0) \(side?.binaryMessages ?? 0) \(side?.payloadBytes ?? 0)")
            words.append("\(side?.wireBytes ?? 0) \(side?.maskedFrames ?? 0) \(side?.longestEqualKeyRun ?? 0)")
            words.append("\(side?.close?.reason ?? []) \(side?.lastHeader ?? [])")
            for opcode in 0..<16 { words.append("\(side?.frames[opcode] ?? 0)") }
            if let side, side.wireBytes > Int64(bytes.count) { words.append("more bytes than came") }
            return words
        }
        let whole = read(bytes.count)
        if whole.contains("more bytes than came") { return "more bytes were read than came" }
        let pieces = read(step)
        return whole == pieces ? nil : "the facts depend on the cut: \(whole) \(pieces)"
    }

    /// What an HTTP/2 stream shows does not depend on where it is cut.
    @Sendable static func http2(_ input: [UInt8]) -> String? {
        guard input.count > 2 else { return nil }
        let bytes = Array(input.dropFirst(2))
        let direction: Direction = input[0] & 1 == 0 ? .client : .server
        func read(_ step: Int) -> [String] {
            let decoder = HTTP2Decoder(limits: Limits())
            var index = 0
            while index < bytes.count {
                let end = min(bytes.count, index + step)
                decoder.receive(
                    Chunk(bytes.span.extracting(index..<end), direction, offset: Int64(index), arrival: mark))
                index = end
            }
            var exchange = Exchange(kind: .upgrade, connection: nowhere, first: mark)
            decoder.finish(into: &exchange)
            let side = exchange.http2?.sides[direction]
            var words = exchange.anomalies.map { "\($0.kind) \($0.place.offset) \($0.count)" }
            words.append("\(exchange.http2?.preface ?? false) \(exchange.http2?.streams ?? 0)")
            words.append("\(side?.highestStream ?? 0)")
            for (identifier, value) in side?.settings ?? [] { words.append("\(identifier)=\(value)") }
            for type in 0..<11 { words.append("\(side?.frames[type] ?? 0)") }
            return words
        }
        return read(bytes.count) == read(Int(input[1] & 31) + 1) ? nil : "the facts depend on the cut"
    }

    /// Masked bytes cut anywhere are valid exactly when Swift's own validation says so.
    @Sendable static func utf8(_ input: [UInt8]) -> String? {
        guard input.count > 5 else { return nil }
        let plain = Array(input.dropFirst(5))
        let masked = plain.enumerated().map { $1 ^ input[$0 & 3] }
        var mask: UInt32 = 0
        for index in 0..<4 { mask |= UInt32(input[index]) << (UInt32(index) * 8) }
        let cut = min(plain.count, Int(input[4]))
        var validator = UTF8Validator()
        var failure = validator.check(masked.span, 0, cut, mask: mask)
        if failure == nil {
            let turn = UInt32(cut & 3) * 8
            let turned = turn == 0 ? mask : mask >> turn | mask << (32 - turn)
            failure = validator.check(masked.span, cut, masked.count, mask: turned)
        }
        let isValid = failure == nil && validator.isComplete
        if isValid != (String(validating: plain, as: UTF8.self) != nil) { return "validity differs from Swift's" }
        guard let failure else { return nil }
        // Before the failure stands text, save for the start of the code point that failed.
        let text = String(decoding: plain[..<failure], as: UTF8.self)
        return text.unicodeScalars.dropLast().contains("\u{fffd}") && !containsReplacement(plain)
            ? "it failed later than it could" : nil
    }

    private static func containsReplacement(_ bytes: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: [0xef, 0xbf, 0xbd]) }
    }

    /// A ClientHello is bounded: at most 16 protocols, and no name longer than 255 bytes.
    @Sendable static func clientHello(_ bytes: [UInt8]) -> String? {
        guard let hello = ClientHello(bytes.span) else { return nil }
        if bytes.first != 0x16 { return "a ClientHello that is no handshake record" }
        if hello.protocols.count > 16 { return "too many protocols" }
        // What is not UTF-8 becomes three bytes for one.
        let names = hello.protocols + [hello.serverName].compactMap { $0 }
        return names.contains { $0.utf8.count > 3 * 255 } ? "a name is too long" : nil
    }

    static let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: 0), heard: 0)
    private static func anywhere(_ length: Int) -> Place {
        Place(direction: .client, offset: 0, length: Int64(length), first: mark, last: mark)
    }
    private static var nowhere: ConnectionFacts {
        let endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
        return ConnectionFacts(id: 0, client: endpoint, server: endpoint, first: mark)
    }
}
