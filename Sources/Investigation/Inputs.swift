// Captures on their way into an analyzer: opened, read in batches, alone or by time together with others.

public import Traffic

/// Which packets are looked at.
public struct PacketFilter: Sendable {
    public var since: Timestamp?
    public var until: Timestamp?
    /// How many packets are read at most, over all captures.
    public var count = UInt64.max
    /// Whether a packet, with these bytes, is wanted; each job makes its own.
    public var makeMatch: (@Sendable () -> PacketMatch?)?
    public init() {}

    /// No packet is left out for its time.
    var includesAll: Bool { since == nil && until == nil }

    func includes(_ packet: CapturedPacket) -> Bool {
        if let since, packet.time < since { return false }
        if let until, until < packet.time { return false }
        return true
    }
}

/// Whether a packet, with these bytes, is wanted.
public typealias PacketMatch = (CapturedPacket, Span<UInt8>) -> Bool

/// One point of the network, and the clock there.
final class Tap {
    var analyzer: Analyzer
    private var first: Timestamp?
    private(set) var last = Timestamp(nanoseconds: .min)
    /// How far packets of one tap stand out of order.
    private static let disorder: Int64 = 1_000_000

    init(_ analyzer: consuming Analyzer) { self.analyzer = analyzer }

    /// Whether a capture that begins at `time` may be what follows here: it begins at the end, give or take the
    /// disorder of a tap and no more than a hundredth of what was captured.
    func mayContinue(at time: Timestamp?) -> Bool {
        guard let time, let first else { return true }
        return last.nanoseconds(since: time) <= min(Self.disorder, last.nanoseconds(since: first) / 100)
    }

    func extend(to description: CaptureDescription) {
        if let start = description.firstPacket { first = min(first ?? start, start) }
        if let end = description.lastPacket { last = max(last, end) }
    }
}

/// A capture that is being read, with the batch that was read last.
struct OpenCapture: ~Copyable {
    var reader: CaptureReader
    private(set) var packets: [CapturedPacket] = []
    let firstPacket: Timestamp?

    init(_ reader: consuming CaptureReader) {
        self.reader = reader
        _ = self.reader.readBatch(&packets)
        firstPacket = packets.first?.time
    }

    mutating func next() -> Bool { reader.readBatch(&packets) }

    /// Hands these packets of the batch on.
    func analyze(
        _ positions: Range<Int>, index: UInt16, filter: PacketFilter, matches: PacketMatch?,
        with analyzer: inout Analyzer
    ) {
        let window = reader.window
        if filter.includesAll, matches == nil {
            return analyzer.receive(packets.span.extracting(positions), of: window, capture: index)
        }
        for position in positions {
            let packet = packets[position]
            guard filter.includes(packet) else { continue }
            let bytes = window.extracting(packet.range)
            if let matches, !matches(packet, bytes) { continue }
            analyzer.receive(packet, capture: index, bytes: bytes)
        }
    }
}

/// A capture that is read together with others.
final class MergeSource {
    private var capture: OpenCapture
    /// The packet of the batch that comes next.
    private(set) var position = 0
    private var lastTime: Timestamp?
    private var isOver: Bool

    init(_ capture: consuming OpenCapture) {
        isOver = capture.packets.isEmpty
        self.capture = capture
    }

    var bytesRead: Int64 { capture.reader.bytesRead }
    var nextTime: Timestamp? { isOver ? nil : capture.packets[position].time }
    var isBatchOver: Bool { position == capture.packets.count }

    /// Gives away packets of this batch that come before `limit`; at least the first.
    func analyze(
        until limit: Timestamp?, orAt: Bool, count: UInt64, index: UInt16, filter: PacketFilter,
        matches: PacketMatch?, with analyzer: inout Analyzer
    ) {
        var end = position + Int(clamping: min(count, UInt64(capture.packets.count - position)))
        if let limit {
            let later = capture.packets[(position + 1)..<end].firstIndex { packet in
                limit < packet.time || limit == packet.time && !orAt
            }
            end = later ?? end
        }
        capture.analyze(position..<end, index: index, filter: filter, matches: matches, with: &analyzer)
        lastTime = capture.packets[end - 1].time
        position = end
    }

    func next() {
        position = 0
        isOver = !capture.next()
    }

    func finished() -> CaptureDescription {
        var description = capture.reader.description
        let unread = isOver ? [] : Array(capture.packets[position...])
        if !unread.isEmpty { description.takeBack(unread, last: lastTime) }
        return description
    }
}

/// A capture that was named, and what was opened of it already.
final class Input {
    let path: String
    private var opened: OpenCapture?

    init(path: String) { self.path = path }

    /// Every job can read it by itself.
    var isRereadable: Bool { opened == nil && path != "-" && FileKind(of: path) == .regular }

    func keep(_ capture: consuming OpenCapture) { opened = consume capture }
    func takeOpened() -> OpenCapture? { opened.take() }
}

extension CaptureDescription {
    /// Leaves the last packets out: those that were in the window but not wanted.
    mutating func takeBack(_ unread: [CapturedPacket], last: Timestamp?) {
        for packet in unread {
            packets -= 1
            bytes -= UInt64(packet.range.count)
            if packet.originalLength > packet.range.count { snappedPackets -= 1 }
        }
        // What lies after the last wanted packet was not looked at.
        complete = true
        problems = []
        lastPacket = last
        if packets == 0 { firstPacket = nil }
    }
}
