// pcap: a header of 24 bytes, then records of a fixed header and the packet's bytes.
//
//     magic(4) major(2) minor(2) zone(4) accuracy(4) snapshot length(4) link type(4)
//     seconds(4) fraction(4) captured length(4) length on the wire(4)   …bytes
//
// The magic tells the byte order, the unit of the fraction and the variant: Alexey Kuznetzov's "modified" format has
// eight more bytes in each record header. Nothing in a record tells where the next one begins but its length, so a
// length that cannot be is the end of what can be trusted.

/// Walks the records of a pcap file.
struct PcapRecords {
    static let headerLength = 24

    let bigEndian: Bool
    let resolution: TimeResolution
    let linkType: UInt32
    let snapLength: UInt32
    let majorVersion: UInt16
    let minorVersion: UInt16
    private let recordHeaderLength: Int
    private let nanosecondsPerUnit: Int64
    private let longestPacket: UInt32

    /// From the file header, which `window` begins with; `nil` when its magic is not one of pcap's.
    init?(header window: Span<UInt8>) {
        guard window.count >= Self.headerLength, let variant = Variant(magic: window) else { return nil }
        bigEndian = variant.bigEndian
        resolution = variant.nanoseconds ? .nanoseconds : .microseconds
        nanosecondsPerUnit = variant.nanoseconds ? 1 : 1000
        recordHeaderLength = variant.modified ? 24 : 16
        majorVersion = window.captureHalf(at: 4, bigEndian: bigEndian)
        minorVersion = window.captureHalf(at: 6, bigEndian: bigEndian)
        snapLength = window.captureWord(at: 16, bigEndian: bigEndian)
        // The upper half holds the length of the frame check sequence and reserved bits.
        linkType = window.captureWord(at: 20, bigEndian: bigEndian) & 0xffff
        longestPacket = min(max(snapLength, Self.usualLongestPacket), Self.absoluteLongestPacket)
    }

    /// Takes the records that lie wholly in the first `filled` bytes of `buffer`, from `position` on.
    mutating func walk(
        _ buffer: [UInt8], upTo filled: Int, from position: inout Int, base: Int64,
        into packets: inout [CapturedPacket], description: inout CaptureDescription
    ) -> CaptureWalk {
        let window = buffer.span.extracting(0..<filled)
        let bigEndian = bigEndian
        let recordHeaderLength = recordHeaderLength
        let nanosecondsPerUnit = nanosecondsPerUnit
        let longestPacket = longestPacket
        let linkType = linkType
        let end = window.count
        var at = position
        var number = UInt32(truncatingIfNeeded: description.packets)
        var tally = PacketTally()
        var outcome = CaptureWalk.needsMore
        // No record is shorter than its header.
        packets.append(addingCapacity: (end - at) / recordHeaderLength) { output in
            while end - at >= recordHeaderLength {
                let (seconds, fraction, first, second) = window.fourCaptureWords(at: at, bigEndian: bigEndian)
                var (captured, original) = (first, second)
                if captured > original, minorVersion <= 3 {
                    // Before version 2.3 (and in some files of 2.3) the two lengths stand the other way round.
                    swap(&captured, &original)
                }
                guard captured <= longestPacket else {
                    outcome = .damaged(
                        CaptureProblem(
                            kind: "damaged", offset: base + Int64(at),
                            message:
                                "packet \(tally.packets + description.packets + 1) claims \(captured) captured bytes; "
                                + "more than \(longestPacket) cannot be"))
                    break
                }
                let start = at + recordHeaderLength
                let next = start + Int(captured)
                guard next <= end else { break }
                number &+= 1
                // 2^32 seconds and 2^32 microseconds fit into 63 bits of nanoseconds.
                let time = Timestamp(nanoseconds: Int64(seconds) * 1_000_000_000 + Int64(fraction) * nanosecondsPerUnit)
                output.append(
                    CapturedPacket(
                        number: number, time: time, linkType: linkType, interface: 0, range: start..<next,
                        originalLength: original))
                tally.count(time: time, captured: captured, original: original)
                at = next
            }
        }
        position = at
        tally.add(to: &description)
        return outcome
    }

    /// What is lacking of the record that `buffer` begins with, in words.
    func missing(in buffer: [UInt8], upTo filled: Int) -> String {
        let tail = buffer.span.extracting(0..<filled)
        guard tail.count >= recordHeaderLength else {
            return "its header has \(tail.count) of \(recordHeaderLength) bytes"
        }
        let captured = tail.captureWord(at: 8, bigEndian: bigEndian)
        return "it has \(tail.count - recordHeaderLength) of \(captured) bytes"
    }

    /// libpcap and Wireshark let no packet be longer, but for link types nobody upgrades HTTP on.
    private static let usualLongestPacket: UInt32 = 256 * 1024
    /// What a snapshot length may raise it to.
    private static let absoluteLongestPacket: UInt32 = 16 * 1024 * 1024

    private struct Variant {
        var bigEndian = false
        var nanoseconds = false
        var modified = false

        init?(magic window: Span<UInt8>) {
            for bigEndian in [false, true] {
                switch window.captureWord(at: 0, bigEndian: bigEndian) {
                case 0xa1b2_c3d4: break
                case 0xa1b2_3c4d: nanoseconds = true
                case 0xa1b2_cd34: modified = true
                default: continue
                }
                self.bigEndian = bigEndian
                return
            }
            return nil
        }
    }
}

/// How a walk through the window ended.
enum CaptureWalk {
    /// What follows is not wholly in the window.
    case needsMore
    /// Reading cannot go on.
    case damaged(CaptureProblem)
}

/// What a walk adds to the capture's description, kept beside the loop.
struct PacketTally {
    private(set) var packets: UInt64 = 0
    private var bytes: UInt64 = 0
    private var snapped: UInt64 = 0
    private var earliest = Int64.max
    private var latest = Int64.min

    @inline(__always)
    mutating func count(time: Timestamp, captured: UInt32, original: UInt32) {
        earliest = min(earliest, time.nanoseconds)
        latest = max(latest, time.nanoseconds)
        countTimeless(captured: captured, original: original)
    }

    /// A packet that says nothing of its time.
    @inline(__always)
    mutating func countTimeless(captured: UInt32, original: UInt32) {
        packets &+= 1
        bytes &+= UInt64(captured)
        snapped &+= captured < original ? 1 : 0
    }

    func add(to description: inout CaptureDescription) {
        description.packets &+= packets
        description.bytes &+= bytes
        description.snappedPackets &+= snapped
        guard earliest <= latest else { return }
        let first = Timestamp(nanoseconds: earliest)
        let last = Timestamp(nanoseconds: latest)
        description.firstPacket = description.firstPacket.map { min($0, first) } ?? first
        description.lastPacket = description.lastPacket.map { max($0, last) } ?? last
    }
}
