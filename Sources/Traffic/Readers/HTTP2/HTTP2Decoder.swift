// HTTP/2 after a 101 with h2c: the client preface, then frames (RFC 9113 3.4, 4.1). Frames are counted and
// skipped by length; only the first SETTINGS frame of each side is read.

import Ground

final class HTTP2Decoder: SessionReader {
    private var sides: PerDirection<HTTP2SideDecoder>

    init(limits: Limits) {
        sides = PerDirection(
            client: HTTP2SideDecoder(.client, limits: limits), server: HTTP2SideDecoder(.server, limits: limits))
    }

    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        sides[chunk.direction].receive(chunk)
        return .wereRead
    }

    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects {
        sides[gap.direction].gap(gap)
        return []
    }

    func finish(into exchange: inout Exchange) {
        var facts = HTTP2Facts()
        for direction in Direction.allCases {
            facts.sides[direction] = sides[direction].facts
            exchange.anomalies.append(contentsOf: sides[direction].anomalies.list)
        }
        facts.preface = sides.client.sawPreface
        // Stream 1 is the upgraded request; the client opens odd ones, the server even ones.
        facts.streams = UInt64(sides.client.opened + sides.server.opened + 1)
        exchange.http2 = facts
    }
}

/// One direction of an HTTP/2 connection.
struct HTTP2SideDecoder {
    private let direction: Direction
    private(set) var facts = HTTP2Side()
    private(set) var anomalies: AnomalyLog
    private(set) var sawPreface = false
    /// Streams other than 1 that this side opened.
    private(set) var opened: UInt32 = 0
    private var lost = false
    private var prefaceCount = 0
    private var header = [9 of UInt8](repeating: 0)
    private var headerCount = 0
    private var headerPlace: Place?
    private var remaining: Int64 = 0
    private var settings: [UInt8] = []
    private var readsSettings = false
    private var sawSettings = false
    private var sawFrame = false

    init(_ direction: Direction, limits: Limits) {
        self.direction = direction
        anomalies = AnomalyLog(limit: limits.anomalies)
    }

    /// The 24 octets of RFC 9113 3.4.
    static let preface = [UInt8]("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    mutating func receive(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        var index = 0
        while index < bytes.count, !lost {
            if direction == .client, prefaceCount < Self.preface.count {
                guard bytes[index] == Self.preface[prefaceCount] else {
                    anomalies.note(.prefaceMissing, chunk.place(at: index, length: 1), [bytes[index]])
                    lost = true
                    return
                }
                prefaceCount += 1
                index += 1
                sawPreface = prefaceCount == Self.preface.count
            } else if remaining > 0 {
                let step = min(bytes.count - index, Int(min(remaining, Int64(Int32.max))))
                if readsSettings { settings.append(bytes.extracting(index..<(index + min(step, 96 - settings.count)))) }
                index += step
                remaining -= Int64(step)
                if remaining == 0 { endFrame() }
            } else {
                if headerCount == 0 {
                    headerPlace = chunk.place(at: index, length: 9)
                }
                header[headerCount] = bytes[index]
                headerCount += 1
                index += 1
                if headerCount == 9 {
                    headerPlace?.last = chunk.last
                    beginFrame()
                }
            }
        }
    }

    mutating func gap(_ gap: Gap) {
        guard !lost else { return }
        anomalies.note(.gapAfterSwitch, gap.place, [], value: gap.length)
        if remaining > gap.length, headerCount == 0, !readsSettings {
            remaining -= gap.length
        } else {
            lost = true
            anomalies.note(.syncLost, gap.place, [], value: gap.length)
        }
    }

    private mutating func beginFrame() {
        headerCount = 0
        guard let place = headerPlace else { return }
        remaining = Int64(header[0]) << 16 | Int64(header[1]) << 8 | Int64(header[2])
        let type = header[3]
        let stream =
            UInt32(header[5] & 0x7f) << 24 | UInt32(header[6]) << 16 | UInt32(header[7]) << 8
            | UInt32(header[8])
        facts.frames[min(Int(type), 10)] += 1
        if !sawFrame {
            sawFrame = true
            if type != 4 || header[4] & 1 != 0 || stream != 0 {
                anomalies.note(.firstFrameNotSettings, place, (0..<9).map { header[$0] }, value: Int64(type))
            }
        }
        if stream == 1, type <= 1 {
            if direction == .client {
                anomalies.note(.upgradedStreamReused, place, (0..<9).map { header[$0] }, value: Int64(type))
            } else if type == 1, facts.firstOnUpgraded == nil {
                facts.firstOnUpgraded = place.first
            }
        }
        if type == 1 || type == 5, stream > facts.highestStream {
            if stream > 1, stream & 1 == (direction == .client ? 1 : 0) { opened += 1 }
            facts.highestStream = stream
        }
        readsSettings = type == 4 && header[4] & 1 == 0 && !sawSettings
        if remaining == 0 { endFrame() }
    }

    private mutating func endFrame() {
        guard readsSettings else { return }
        readsSettings = false
        sawSettings = true
        var index = 0
        while index + 6 <= settings.count, facts.settings.count < 16 {
            let identifier = UInt16(settings[index]) << 8 | UInt16(settings[index + 1])
            var value: UInt32 = 0
            for byte in settings[(index + 2)..<(index + 6)] { value = value << 8 | UInt32(byte) }
            facts.settings.append((identifier, value))
            index += 6
        }
    }
}
