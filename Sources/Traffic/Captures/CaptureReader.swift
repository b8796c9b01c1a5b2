// A capture, packet by packet, out of one reused window.
//
//     input ──read──► [ carried over | fresh … ]  ──walk──► packets as ranges of the window
//
// The window holds 256 KiB: it stays inside the L2 cache, where walking from header to header costs next to nothing.
// Each batch is what lies wholly in it; the record cut off at its end moves to the front and is completed by the next
// read. Only a packet longer than the window makes it grow. Files, pipes, bytes in memory and compressed input differ
// in `InputFile` alone.
//
// Three outcomes: packets, not enough yet (read on), and damage. Damage is no error: what was read before it stands,
// the description says what was met and where, and there are no more packets.

import Ground

/// Reads the packets of one capture: pcap or pcapng, plain, gzip or zstd.
public struct CaptureReader: ~Copyable {
    /// What is known of the capture; final when `readBatch` has answered `false`.
    public private(set) var description: CaptureDescription

    private var input: InputFile
    private var buffer: [UInt8]
    /// Bytes of the buffer that are filled, and how many of these were walked.
    private var filled: Int
    private var position: Int
    /// Offset in the decompressed capture of the window's first byte.
    private var base: Int64 = 0
    private var hasUnwalkedBytes = true
    private var finished = false
    private var pcap: PcapRecords?
    private var pcapng: PcapngBlocks?

    /// Opens the capture at `path`; "-" is standard input, of which `first` was read already.
    ///
    /// `isStopped` is asked when a signal interrupts a read that waits: `true` ends the capture there.
    public init(
        path: String, first: [UInt8] = [], isStopped: @escaping @Sendable () -> Bool = { false }
    ) throws(CaptureError) {
        let input = try InputFile(path: path, first: first, isStopped: isStopped)
        try self.init(
            input, description: CaptureDescription(path: path), name: path == "-" ? "standard input" : path,
            windowSize: Self.windowSize)
    }

    /// A capture that is in memory already.
    public init(bytes: [UInt8], name: String) throws(CaptureError) {
        try self.init(bytes: bytes, name: name, chunk: .max, windowSize: Self.windowSize)
    }

    /// The same, with reads that bring at most `chunk` bytes and a window of another size.
    init(bytes: [UInt8], name: String, chunk: Int, windowSize: Int) throws(CaptureError) {
        try self.init(
            InputFile(bytes: bytes, chunk: chunk), description: CaptureDescription(path: name), name: name,
            windowSize: windowSize)
    }

    private init(
        _ source: consuming InputFile, description start: CaptureDescription, name: String, windowSize: Int
    ) throws(CaptureError) {
        var input = source
        var description = start
        var buffer = [UInt8](repeating: 0, count: max(64, windowSize))
        var filled = 0
        var failure: String?
        func problem(_ kind: CaptureError.Kind, _ message: String) -> CaptureError {
            CaptureError(kind, path: start.path, "\(name) \(message)")
        }

        failure = Self.fill(&buffer, &filled, atLeast: 4, from: &input)
        if failure == nil, let compression = Compression(magic: buffer[..<filled]) {
            description.compression = compression.rawValue
            input.decompress(compression, first: Array(buffer[..<filled]))
            filled = 0
            failure = Self.fill(&buffer, &filled, atLeast: 4, from: &input)
        }
        let format = CaptureFormat(magic: buffer[..<filled])
        if let format, failure == nil {
            failure = Self.fill(&buffer, &filled, atLeast: format.headerLength, from: &input)
        }
        let packed = description.compression.map { ", unpacked from \($0)," } ?? ""
        guard let format else {
            if let failure { throw problem(.unreadable, "cannot be read: \(failure)") }
            guard filled > 0 else { throw problem(.empty, "is empty") }
            throw problem(.notACapture, "is not a capture: it\(packed) begins with \(Self.opening(buffer[..<filled]))")
        }
        guard filled >= format.headerLength else {
            let cause = failure.map { ": \($0)" } ?? ""
            throw problem(
                .unreadable,
                "is cut off in its \(format.rawValue) header: \(filled) of \(format.headerLength) bytes\(cause)")
        }

        description.format = format.rawValue
        var versionProblem: CaptureProblem?
        switch format {
        case .pcap:
            guard let records = PcapRecords(header: buffer.span.extracting(0..<filled)) else {
                throw problem(.notACapture, "is not a capture")
            }
            pcap = records
            pcapng = nil
            position = PcapRecords.headerLength
            description.byteOrder = records.bigEndian ? "big" : "little"
            description.resolution = records.resolution.name
            var interface = CaptureInterface(linkType: records.linkType, snapLength: records.snapLength)
            interface.unitsPerSecond = records.resolution.unitsPerSecond
            description.interfaces = [interface]
            if records.majorVersion != 2 {
                versionProblem = CaptureProblem(
                    kind: "unknown-version", offset: 4,
                    message: "the file is of pcap version \(records.majorVersion).\(records.minorVersion), "
                        + "which is not known")
            }
        case .pcapng:
            guard let blocks = PcapngBlocks(header: buffer.span.extracting(0..<filled)) else {
                throw problem(.notACapture, "is not a capture: its first section header has no byte-order magic")
            }
            pcap = nil
            pcapng = blocks
            position = 0
            description.byteOrder = blocks.bigEndian ? "big" : "little"
        }
        self.description = description
        self.input = input
        self.buffer = buffer
        self.filled = filled
        if let versionProblem { stop(versionProblem) }
    }

    /// Bytes of the input read so far, before they are unpacked.
    public var bytesRead: Int64 { input.bytesRead }

    /// Where the ranges of the packets of the last batch lie.
    public var window: Span<UInt8> {
        @_lifetime(borrow self) get { buffer.span.extracting(0..<filled) }
    }

    /// Puts the packets that come next into `packets`, in place of what it held; `false` when there are no more.
    ///
    /// Their ranges hold until the next call.
    public mutating func readBatch(_ packets: inout [CapturedPacket]) -> Bool {
        packets.removeAll(keepingCapacity: true)
        while !finished {
            guard hasUnwalkedBytes else {
                refill()
                continue
            }
            hasUnwalkedBytes = false
            switch walk(&packets) {
            case .needsMore: break
            case .damaged(let problem): stop(problem)
            }
            if !packets.isEmpty { return true }
        }
        return false
    }

    private mutating func walk(_ packets: inout [CapturedPacket]) -> CaptureWalk {
        if let outcome = pcap?.walk(
            buffer, upTo: filled, from: &position, base: base, into: &packets, description: &description)
        {
            return outcome
        }
        if let outcome = pcapng?.walk(
            buffer, upTo: filled, from: &position, base: base, into: &packets, description: &description)
        {
            return outcome
        }
        return .needsMore
    }

    /// Carries the unwalked tail to the front and reads after it.
    private mutating func refill() {
        InputFile.moveToFront(position..<filled, of: &buffer)
        base += Int64(position)
        filled -= position
        position = 0
        if filled == buffer.count {
            // One record fills the whole window. The formats let none be longer than 16 MiB.
            buffer.append(contentsOf: repeatElement(0, count: buffer.count))
        }
        switch input.read(into: &buffer, from: filled) {
        case .bytes(let count):
            filled += count
            hasUnwalkedBytes = true
        case .end:
            guard filled > 0 else {
                finished = true
                return
            }
            let missing = pcap?.missing(in: buffer, upTo: filled) ?? pcapng?.missing(in: buffer, upTo: filled) ?? ""
            let place = pcap == nil ? "" : "in packet \(description.packets + 1): "
            stop(CaptureProblem(kind: "cut", offset: base, message: "the capture ends \(place)\(missing)"))
        case .stopped:
            finished = true
        case .failed(let kind, let message):
            stop(CaptureProblem(kind: kind, offset: base + Int64(filled), message: message))
        }
    }

    private mutating func stop(_ problem: CaptureProblem) {
        description.complete = false
        description.problems.append(problem)
        finished = true
    }

    /// Reads until `count` bytes are there or there are no more; answers what went wrong.
    private static func fill(
        _ buffer: inout [UInt8], _ filled: inout Int, atLeast count: Int, from input: inout InputFile
    ) -> String? {
        while filled < count {
            switch input.read(into: &buffer, from: filled) {
            case .bytes(let read): filled += read
            case .end: return nil
            case .stopped: return "interrupted"
            case .failed(_, let message): return message
            }
        }
        return nil
    }

    /// The first bytes of something that is no capture, in words.
    private static func opening(_ bytes: ArraySlice<UInt8>) -> String {
        let known: [(magic: [UInt8], name: String)] = [
            ([0x1f, 0x8b], "gzip data: it is packed twice"),
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd data: it is packed twice"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz data: unpack it first"),
            ([0x42, 0x5a, 0x68], "bzip2 data: unpack it first"),
            ([0x04, 0x22, 0x4d, 0x18], "lz4 data: unpack it first"),
            ([0x50, 0x4b, 0x03, 0x04], "a zip archive: unpack it first"),
            (Array("snoop\0".utf8), "a snoop file: convert it to pcap first"),
            (Array("GMBU".utf8), "a Network Monitor file: convert it to pcap first"),
        ]
        if let found = known.first(where: { bytes.starts(with: $0.magic) }) { return found.name }
        let shown = bytes.prefix(16).map { byte in
            switch byte {
            case 0x22, 0x5c: "\\\(Character(UnicodeScalar(byte)))"
            case 0x20...0x7e: "\(Character(UnicodeScalar(byte)))"
            default: "\\x" + Digits.hex(byte)
            }
        }
        return "\"\(shown.joined())\""
    }

    private static let windowSize = 256 * 1024
}

/// The formats, told by the first bytes.
private enum CaptureFormat: String {
    case pcap, pcapng

    init?(magic bytes: ArraySlice<UInt8>) {
        switch Array(bytes.prefix(4)) {
        case [0x0a, 0x0d, 0x0d, 0x0a]: self = .pcapng
        case [0xa1, 0xb2, 0xc3, 0xd4], [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x4d, 0x3c, 0xb2, 0xa1],
            [0xa1, 0xb2, 0xcd, 0x34], [0x34, 0xcd, 0xb2, 0xa1]:
            self = .pcap
        default: return nil
        }
    }

    var headerLength: Int {
        switch self {
        case .pcap: PcapRecords.headerLength
        case .pcapng: PcapngBlocks.headerLength
        }
    }
}
