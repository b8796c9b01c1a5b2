// What must hold for whole captures whatever they hold: sharing the flows among several analyzers changes no word of
// the report.
//
// The bytes of the fuzzer are no packets, but what a few hosts do, step by step: nearly every input is a conversation, and
// what is wrong with it was meant. The fuzzer of the package in Fuzz/ and the test that replays its crashes call the same
// function.

@_spi(Judging) import Inspection
import Investigation
import Reports

@testable import Traffic

enum ReportInvariants {
    typealias Entry = @Sendable ([UInt8]) -> String?

    /// Every entry by its name.
    static let entries: [(name: String, run: Entry)] = [("report", { compare($0).fault })]

    static func entry(_ name: String) -> Entry? { entries.first { $0.name == name }?.run }

    /// Counters, the exchanges with what was found of each, and the text are those of one analyzer if two share the
    /// flows; also how many exchanges there were.
    static func compare(_ bytes: [UInt8]) -> (fault: String?, exchanges: Int) {
        let packets = Hosts.packets(bytes)
        let whole = report(packets, shards: 1)
        let shared = report(packets, shards: 2)
        func fault() -> String? {
            if let twice = whole.twice ?? shared.twice { return "\(twice) is reported twice" }
            if whole.isAnythingLeft || shared.isAnythingLeft { return "something is held that nobody has any more" }
            if whole.counters != shared.counters { return "counters differ: \(whole.counters) \(shared.counters)" }
            if whole.findings != shared.findings { return "findings differ: \(whole.findings) \(shared.findings)" }
            return whole.text == shared.text ? nil : "one analyzer:\n\(whole.text)\ntwo:\n\(shared.text)"
        }
        return (fault(), whole.findings.count)
    }

    private struct Outcome {
        var text = ""
        var counters = ""
        var findings: [ExchangeKey: [String]] = [:]
        var twice: ExchangeKey?
        var isAnythingLeft = false
    }

    private static func report(_ packets: [Hosts.Packet], shards: Int) -> Outcome {
        var outcome = Outcome()
        var counters = TrafficCounters()
        let judges = (0..<shards).map { _ in SmallJudge() }
        for (index, judge) in judges.enumerated() {
            var options = AnalyzerOptions()
            options.shard = Shard(index: index, count: shards)
            var analyzer = Analyzer(options: options, output: judge)
            for (index, packet) in packets.enumerated() {
                // Memory of its own: what is read beyond its end is seen.
                let bytes = packet.bytes
                analyzer.receive(
                    CapturedPacket(
                        number: UInt32(index + 1), time: Timestamp(nanoseconds: packet.time), linkType: 1,
                        interface: 0, range: 0..<bytes.count, originalLength: UInt32(bytes.count + packet.missing)),
                    capture: 0, bytes: bytes.span)
            }
            analyzer.finish()
            counters.add(analyzer.counters)
            let context = analyzer.context
            outcome.isAnythingLeft =
                outcome.isAnythingLeft || context.budget.pendingBytes != 0 || context.budget.heldBytes != 0
                || context.budget.inflaterMemory.bytes != 0 || analyzer.openConnections != 0
            outcome.findings.merge(judge.findings) { _, new in new }
            outcome.twice = outcome.twice ?? judge.twice
            if index > 0 { judges[0].collector.absorb(judge.collector) }
        }
        outcome.counters =
            "\(counters.packets) \(counters.notIP) \(counters.notTCP) \(counters.malformed) \(counters.connections) "
            + "\(counters.requests) \(counters.exchanges) \(counters.encryptedConnections) "
            + "\(counters.oneDirectionConnections) \(counters.gapBytes) \(counters.limitsHit.sorted { $0.key < $1.key })"
        var sink: any ByteSink = ByteArraySink()
        let report = judges[0].collector.finish(captures: [], counters: counters)
        // Where bytes cannot be written there is no text either way.
        try? TextReport.write(report, to: &sink)
        outcome.text = String(decoding: (sink as? ByteArraySink)?.bytes ?? [], as: UTF8.self)
        return outcome
    }
}

/// A judge whose report holds a few exchanges only, so that which these are is compared as well.
private final class SmallJudge: AnalyzerObserver {
    private let inspector = Inspector()
    let collector: ReportCollector
    /// What was found of each exchange: rule and level.
    private(set) var findings: [ExchangeKey: [String]] = [:]
    private(set) var twice: ExchangeKey?

    init() {
        var options = ReportOptions()
        options.everyExchange = false
        options.exchangesWithFindings = 2
        options.cleanExchanges = 1
        collector = ReportCollector(options: options)
    }

    func receive(_ event: AnalyzerEvent) {
        switch event {
        case .finished(let exchange): finished(exchange)
        case .ended(let connection): collector.add(connection, findings: inspector.inspect(connection))
        case .askedPlainly(let request, on: let connection): collector.add(plain: request, on: connection)
        default: break
        }
    }

    private func finished(_ exchange: Exchange) {
        let judgement = inspector.judge(exchange)
        collector.add(exchange, judgement)
        let words = judgement.findings.map { "\($0.rule) \($0.level) \($0.certainty) \($0.count)" }
        if findings.updateValue(words, forKey: exchange.key) != nil { twice = exchange.key }
    }
}

/// A few hosts that talk, as a row of steps says: two bytes each, what is done and how.
struct Hosts {
    struct Packet {
        var time: Int64
        var bytes: [UInt8]
        /// How many bytes of it were not captured.
        var missing = 0
    }

    /// Two ends, and how far they are.
    private struct Pair {
        var port: UInt16
        var next: [2 of UInt32] = [1000, 5000]
        var isV6 = false
        var nonce: UInt8 = 0
    }

    /// What is done to the packets that come next.
    private struct Fault {
        var vlan: UInt16?
        var missing = 0
        var flags: UInt8 = 0
        var sequence: UInt32 = 0
        var acknowledgment: UInt32 = 0
        var change: (offset: Int, bits: UInt8)?
        var split: Int?
        var padding = 0
        var isDropped = false
    }

    private var time: Int64 = 1_700_000_000_000_000_000
    private var packets: [Packet] = []
    private var pairs: [Pair] = (0..<4).map { Pair(port: 40_000 + $0, nonce: UInt8($0)) }
    private var fault = Fault()
    private var identification: UInt16 = 1
    private var ports: UInt16 = 41_000

    /// All packets of those steps, after one session and one refusal, which say what both look like.
    static func packets(_ steps: [UInt8]) -> [Packet] {
        var hosts = Hosts()
        for _ in 0..<3 {
            hosts.session(0, 0)
            hosts.renew(0)
            hosts.refusal(1, 0)
            hosts.renew(1)
        }
        for index in stride(from: 0, to: min(steps.count, 512) - 1, by: 2) {
            hosts.step(steps[index] >> 2, Int(steps[index] & 3), steps[index + 1])
        }
        return hosts.packets
    }

    private mutating func step(_ what: UInt8, _ pair: Int, _ how: UInt8) {
        let number = UInt32(how)
        switch what % 32 {
        case 0: open(pair)
        case 1: ask(pair, how)
        case 2: answer(pair, how)
        case 3: send(pair, 0, frame(how, isClient: true))
        case 4: send(pair, 1, frame(how, isClient: false))
        case 5: goodbye(pair, Int(how & 1))
        case 6: close(pair)
        case 7: session(pair, how)
        case 8: refusal(pair, how)
        case 9: renew(pair)
        case 10: send(pair, Int(how >> 7), flags: how & 0x3f)
        case 11: time += Int64(Int8(bitPattern: how)) * 20_000_000
        case 12: time += Int64(how) * 1_000_000_000
        case 13: fault.vlan = UInt16(how)
        case 14: fault.missing = Int(how)
        case 15: fault.flags = how
        case 16: fault.sequence = number &- 128
        case 17: fault.acknowledgment = number &- 128
        case 18: fault.change = (Int(how), 1)
        case 19: fault.change = (fault.change?.offset ?? 14, how)
        case 20: fault.split = Int(how)
        case 21: fault.padding = Int(how)
        case 22: fault.isDropped = true
        case 23:
            if !packets.isEmpty {
                packets.append(Packet(time: time, bytes: packets[packets.count - 1 - Int(how) % packets.count].bytes))
            }
        case 24: if packets.count > 1 { packets.swapAt(packets.count - 1, packets.count - 2) }
        case 25: pairs[pair].isV6.toggle()
        case 26: pairs[pair].next[Int(how & 1)] = .max - number
        case 27: pairs[pair].nonce = how
        case 28: pairs[pair].port = 40_000 + UInt16(how & 3)
        case 29: send(pair, Int(how & 1), [UInt8](repeating: how, count: Int(how >> 1)))
        case 30: for _ in 0..<(how & 63) { send(pair, Int(how >> 7), flags: 0x10) }
        // Many sessions at once, which take turns.
        default:
            for _ in 0..<Int(how & 15) {
                session(pair, how >> 4)
                renew(pair)
            }
        }
    }

    // MARK: What is said

    private mutating func open(_ pair: Int) {
        send(pair, 0, flags: 0x02)
        send(pair, 1, flags: 0x12)
        send(pair, 0, flags: 0x10)
    }

    private mutating func ask(_ pair: Int, _ how: UInt8) {
        let targets = [
            "/chat", "/chat?token=1234567890", "/chat?sid=1234567890", "/chat?a=%41&b=c", "/live;x", "*", "",
        ]
        let target = targets[Int(how & 7) % targets.count]
        let method = how & 0x80 != 0 ? "POST" : "GET"
        let version = how & 0x40 != 0 ? "1.0" : "1.1"
        let more = ["", "Origin: http://example.org\r\n", "Upgrade-Insecure-Requests: 1\r\n", "Content-Length: 3\r\n"]
        let text =
            "\(method) \(target) HTTP/\(version)\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + more[Int(how >> 3 & 3)] + "Sec-WebSocket-Key: " + key(pairs[pair].nonce)
            + "\r\nSec-WebSocket-Version: 13\r\n\r\n"
        send(pair, 0, Array(text.utf8) + (how & 0x20 != 0 ? frame(how, isClient: true) : []))
    }

    private mutating func answer(_ pair: Int, _ how: UInt8) {
        if how & 1 != 0 { return send(pair, 1, Array(refusal(how >> 1).utf8)) }
        let key = key(pairs[pair].nonce &+ (how & 0x80 != 0 ? 1 : 0))
        let accept = String(decoding: WebSocketAccept.value(for: Array(key.utf8)[...]), as: UTF8.self)
        let more = ["", "Server: one\r\n", "Sec-WebSocket-Protocol: chat\r\n", "Content-Length: 4\r\n"]
        let text =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + more[Int(how >> 1 & 3)] + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"
        send(pair, 1, Array(text.utf8) + (how & 0x40 != 0 ? frame(how, isClient: false) : []))
    }

    /// Some have the same fields after another status.
    private func refusal(_ how: UInt8) -> String {
        let status = [403, 401, 426, 407, 400, 503, 200, 404][Int(how & 7)]
        let more = ["", "", "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n", "WWW-Authenticate: Basic realm=\"a\"\r\n"]
        let fields = [
            "Content-Length: 9\r\n\r\nForbidden", "Content-Length: 0\r\n\r\n", "\r\n",
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ]
        let early = how == 127 ? "HTTP/1.1 103 Early Hints\r\n\r\n" : ""
        return early + "HTTP/1.1 \(status) Whatever\r\nContent-Type: text/plain\r\n" + more[Int(how >> 3 & 3)]
            + fields[Int(how >> 5 & 3)]
    }

    /// Twenty-two letters and two equal signs, as 16 bytes are written; the last letter has bits too many in a quarter of them.
    private func key(_ number: UInt8) -> String {
        let letters = Array("ABCDEFGHIJKLMNOP".utf8)
        let end: [UInt8] = [letters[Int(number >> 4)], letters[Int(number & 15)]]
        let last = number & 0x88 == 0x88 ? "ZR==" : "ZQ=="
        return String(decoding: Array("dGhlIHNhbXBsZSBub2".utf8) + end + Array(last.utf8), as: UTF8.self)
    }

    /// Mostly as frames are; `how` says which.
    private func frame(_ how: UInt8, isClient: Bool) -> [UInt8] {
        let opcodes: [UInt8] = [0x81, 0x82, 0x01, 0x80, 0x89, 0x8a, 0x88, 0x83]
        let first = opcodes[Int(how & 7)]
        let isMasked = isClient != (how >= 0xf0)
        let length = Int(how >> 3 & 15)
        let payload: [UInt8] = first == 0x88 ? [0x03, 0xe8] : [UInt8](repeating: 0x61 + (how >> 4), count: length)
        let start: [UInt8] = [first, (isMasked ? 0x80 : 0) | UInt8(payload.count)]
        guard isMasked else { return start + payload }
        let mask: [UInt8] = [how &* 37 &+ UInt8(truncatingIfNeeded: time >> 20), how, 0x3d, identification.byte]
        return start + mask + payload.enumerated().map { $1 ^ mask[$0 & 3] }
    }

    private mutating func goodbye(_ pair: Int, _ side: Int) { send(pair, side, frame(6, isClient: side == 0)) }

    private mutating func close(_ pair: Int) {
        send(pair, 0, flags: 0x11)
        send(pair, 1, flags: 0x11)
        send(pair, 0, flags: 0x10)
    }

    private mutating func session(_ pair: Int, _ how: UInt8) {
        open(pair)
        ask(pair, how & 3)
        answer(pair, how >> 2 & 3 == 3 ? 2 : 0)
        if how & 0x10 != 0 { send(pair, 0, frame(how & 0x21, isClient: true)) }
        if how & 0x20 != 0 { send(pair, 1, frame(how & 0x11, isClient: false)) }
        goodbye(pair, 0)
        goodbye(pair, 1)
        close(pair)
    }

    private mutating func refusal(_ pair: Int, _ how: UInt8) {
        open(pair)
        ask(pair, how & 1)
        answer(pair, how >> 1 & 0x7e | 1)
        close(pair)
    }

    /// The same hosts begin anew on another port.
    private mutating func renew(_ pair: Int) {
        pairs[pair] = Pair(port: ports, isV6: pairs[pair].isV6, nonce: pairs[pair].nonce &+ 5)
        ports &+= 1
    }

    // MARK: Packets

    private mutating func send(_ pair: Int, _ side: Int, _ payload: [UInt8] = [], flags: UInt8 = 0x18) {
        let fault = fault
        self.fault = Fault()
        if let split = fault.split, split > 0, split < payload.count {
            send(pair, side, Array(payload[..<split]), flags: flags)
            self.fault = fault
            self.fault.split = nil
            return send(pair, side, Array(payload[split...]), flags: flags)
        }
        let ends = pairs[pair]
        let ports: [UInt16] = side == 0 ? [ends.port, 80] : [80, ends.port]
        let acknowledged = flags & 0x10 != 0 ? ends.next[1 - side] &+ fault.acknowledgment : 0
        let segment =
            be(ports[0]) + be(ports[1]) + be(ends.next[side] &+ fault.sequence) + be(acknowledged)
            + [0x50, flags ^ fault.flags, 0xff, 0xff, 0, 0, 0, 0] + payload
        pairs[pair].next[side] &+= UInt32(payload.count) + (flags & 0x03 != 0 ? 1 : 0)
        defer {
            identification &+= 1
            time += 1_000_000
        }
        if fault.isDropped { return }
        let hosts: [[UInt8]] = [[10, 0, 0, 1], [10, 0, 0, 2]]
        let (source, destination) = (hosts[side], hosts[1 - side])
        let datagram: [UInt8]
        if ends.isV6 {
            let prefix: [UInt8] = [0xfd] + [UInt8](repeating: 0, count: 11)
            datagram =
                [0x60, 0, 0, 0] + be(UInt16(segment.count)) + [6, 64] + prefix + source + prefix + destination + segment
        } else {
            datagram =
                [0x45, 0] + be(UInt16(20 + segment.count)) + be(identification) + [0x40, 0, 64, 6, 0, 0] + source
                + destination + segment
        }
        var bytes: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]
        if let vlan = fault.vlan { bytes += [0x81, 0] + be(vlan) }
        bytes += (ends.isV6 ? [0x86, 0xdd] : [0x08, 0]) + datagram + [UInt8](repeating: 0, count: fault.padding)
        if let change = fault.change { bytes[change.offset % bytes.count] ^= change.bits }
        let missing = min(fault.missing, bytes.count)
        packets.append(Packet(time: time, bytes: Array(bytes.dropLast(missing)), missing: missing))
    }

    private func be(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), number.byte] }
    private func be(_ number: UInt32) -> [UInt8] {
        be(UInt16(number >> 16)) + be(UInt16(truncatingIfNeeded: number))
    }
}

extension UInt16 {
    fileprivate var byte: UInt8 { UInt8(truncatingIfNeeded: self) }
}
