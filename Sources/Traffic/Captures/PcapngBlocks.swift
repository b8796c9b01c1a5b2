// pcapng: blocks in sections.
//
//     +--------+--------------+------------- … --+--------------+
//     | type 4 | total length | body             | total length |
//     +--------+--------------+------------- … --+--------------+
//
// A section header gives the byte order of everything up to the next one and starts the numbering of interfaces anew;
// an interface gives link type, snapshot length and clock of the packets that name it. Whatever else there is, known
// or not, is skipped by its length. The length stands at both ends of a block: where the two differ, or where a length
// is no multiple of four, nothing after it can be trusted and reading ends. Damage inside a block whose frame is sound
// (an option that is too long) is told and read past, unless packets depend on it.

/// Walks the blocks of a pcapng capture.
struct PcapngBlocks {
    /// Bytes of the smallest section header.
    static let headerLength = 28

    private(set) var bigEndian: Bool
    /// Interfaces of the current section, in the order of their ids.
    private var interfaces: [SectionInterface] = []
    private var lastTime = Timestamp(nanoseconds: 0)
    /// Memory that names, filters and secrets may still take.
    private var textLeft = 1024 * 1024
    private var secretsLeft = 16 * 1024 * 1024
    private var isOutOfSecrets = false

    private struct SectionInterface {
        var linkType: UInt32
        var snapLength: UInt32
        var index: UInt16
        var resolution: TimeResolution
        var offset: Int64
    }

    /// From the first section header, which `window` begins with; `nil` when it is none.
    init?(header window: Span<UInt8>) {
        guard window.count >= 12, window.captureWord(at: 0, bigEndian: false) == BlockType.sectionHeader,
            let bigEndian = Self.byteOrder(window.captureWord(at: 8, bigEndian: false))
        else { return nil }
        self.bigEndian = bigEndian
    }

    /// Takes the blocks that lie wholly in the first `filled` bytes of `buffer`, from `position` on.
    mutating func walk(
        _ buffer: [UInt8], upTo filled: Int, from position: inout Int, base: Int64,
        into packets: inout [CapturedPacket], description: inout CaptureDescription
    ) -> CaptureWalk {
        let window = buffer.span.extracting(0..<filled)
        let end = window.count
        var at = position
        let first = description.packets
        var tally = PacketTally()
        var outcome = CaptureWalk.needsMore
        walking: while end - at >= 12 {
            let type = window.captureWord(at: at, bigEndian: bigEndian)
            if type == BlockType.sectionHeader {
                // Its byte order stands after its length.
                guard let order = Self.byteOrder(window.captureWord(at: at + 8, bigEndian: false)) else {
                    outcome = damage("a section header has no byte-order magic", at: at, base)
                    break walking
                }
                bigEndian = order
            }
            let length = window.captureWord(at: at + 4, bigEndian: bigEndian)
            guard length & 3 == 0, length >= BlockType.shortest(type), length <= Self.longestBlock else {
                outcome = damage(
                    "\(BlockType.named(type)) claims an impossible length of \(length) bytes", at: at, base)
                break walking
            }
            let next = at + Int(length)
            guard next <= end else { break walking }
            let trailer = window.captureWord(at: next - 4, bigEndian: bigEndian)
            guard trailer == length else {
                outcome = damage(
                    "\(BlockType.named(type)) of \(length) bytes ends with the length \(trailer)", at: at, base)
                break walking
            }

            switch type {
            case BlockType.enhancedPacket, BlockType.packet:
                let id: UInt32
                if type == BlockType.enhancedPacket {
                    id = window.captureWord(at: at + 8, bigEndian: bigEndian)
                } else {
                    // The obsolete block counts drops in the other half.
                    id = UInt32(window.captureHalf(at: at + 8, bigEndian: bigEndian))
                }
                guard id < UInt32(truncatingIfNeeded: interfaces.count) else {
                    outcome = damage(
                        "packet \(first + tally.packets + 1) names interface \(id); the section has described "
                            + "\(interfaces.count)", at: at, base)
                    break walking
                }
                let captured = window.captureWord(at: at + 20, bigEndian: bigEndian)
                guard captured <= length - 32 else {
                    outcome = damage(
                        "packet \(first + tally.packets + 1) claims \(captured) captured bytes in a block of "
                            + "\(length)", at: at, base)
                    break walking
                }
                let original = window.captureWord(at: at + 24, bigEndian: bigEndian)
                let high = window.captureWord(at: at + 12, bigEndian: bigEndian)
                let low = window.captureWord(at: at + 16, bigEndian: bigEndian)
                let interface = interfaces[Int(id)]
                lastTime.nanoseconds = interface.resolution.nanoseconds(
                    UInt64(high) << 32 | UInt64(low), offset: interface.offset)
                tally.count(time: lastTime, captured: captured, original: original)
                packets.append(
                    CapturedPacket(
                        number: UInt32(truncatingIfNeeded: first &+ tally.packets), time: lastTime,
                        linkType: interface.linkType, interface: interface.index,
                        range: (at + 28)..<(at + 28 + Int(captured)), originalLength: original))

            case BlockType.simplePacket:
                guard let interface = interfaces.first else {
                    outcome = damage("a simple packet stands before any interface", at: at, base)
                    break walking
                }
                let original = window.captureWord(at: at + 8, bigEndian: bigEndian)
                let captured = interface.snapLength == 0 ? original : min(original, interface.snapLength)
                guard captured <= length - 16 else {
                    outcome = damage(
                        "packet \(first + tally.packets + 1) claims \(captured) captured bytes in a block of "
                            + "\(length)", at: at, base)
                    break walking
                }
                tally.countTimeless(captured: captured, original: original)
                packets.append(
                    CapturedPacket(
                        number: UInt32(truncatingIfNeeded: first &+ tally.packets), time: lastTime,
                        linkType: interface.linkType, interface: interface.index,
                        range: (at + 12)..<(at + 12 + Int(captured)), originalLength: original))

            case BlockType.sectionHeader:
                let major = window.captureHalf(at: at + 12, bigEndian: bigEndian)
                let minor = window.captureHalf(at: at + 14, bigEndian: bigEndian)
                guard major == 1, minor == 0 || minor == 2 else {
                    outcome = .damaged(
                        CaptureProblem(
                            kind: "unknown-version", offset: base + Int64(at),
                            message: "a section is of pcapng version \(major).\(minor), which is not known"))
                    break walking
                }
                interfaces.removeAll(keepingCapacity: true)
                checkOptions(window, from: at + 24, to: next - 4, at: base + Int64(at), &description)

            case BlockType.interfaceDescription:
                guard description.interfaces.count <= Int(UInt16.max) else {
                    outcome = .damaged(
                        CaptureProblem(
                            kind: "unsupported", offset: base + Int64(at),
                            message: "the capture describes more than \(description.interfaces.count) interfaces"))
                    break walking
                }
                describeInterface(window, from: at, to: next - 4, at: base + Int64(at), &description)

            case BlockType.interfaceStatistics:
                countDrops(window, from: at, to: next - 4, at: base + Int64(at), &description)

            case BlockType.decryptionSecrets:
                keepSecrets(window, from: at, to: next - 4, at: base + Int64(at), &description)

            default: break
            }
            at = next
        }
        position = at
        tally.add(to: &description)
        return outcome
    }

    /// What is lacking of the block that `buffer` begins with, in words.
    func missing(in buffer: [UInt8], upTo filled: Int) -> String {
        let tail = buffer.span.extracting(0..<filled)
        guard tail.count >= 12 else { return "a block has \(tail.count) of at least 12 bytes" }
        let type = tail.captureWord(at: 0, bigEndian: bigEndian)
        let length = tail.captureWord(at: 4, bigEndian: bigEndian)
        return "\(BlockType.named(type)) has \(tail.count) of \(length) bytes"
    }

    private func damage(_ message: String, at offset: Int, _ base: Int64) -> CaptureWalk {
        .damaged(CaptureProblem(kind: "damaged", offset: base + Int64(offset), message: message))
    }

    private mutating func describeInterface(
        _ window: Span<UInt8>, from start: Int, to end: Int, at offset: Int64, _ description: inout CaptureDescription
    ) {
        var interface = CaptureInterface(
            linkType: UInt32(window.captureHalf(at: start + 8, bigEndian: bigEndian)),
            snapLength: window.captureWord(at: start + 12, bigEndian: bigEndian))
        var resolution = TimeResolution.microseconds
        var options = OptionList(from: start + 16, to: end, bigEndian: bigEndian)
        while let option = options.next(in: window) {
            switch (option.code, option.value.count) {
            case (2, _): interface.name = text(window, option.value, atMost: 256)
            case (9, 1...): resolution = TimeResolution(tsresol: window[option.value.lowerBound])
            // The first byte tells the kind of filter: 0 is text.
            case (11, 2...) where window[option.value.lowerBound] == 0:
                interface.filter = text(window, option.value.dropFirst(), atMost: 1024)
            case (14, 8...): interface.secondsOffset = Int64(bitPattern: longWord(window, at: option.value.lowerBound))
            default: break
            }
        }
        note(options, in: "an interface description", at: offset, &description)
        interface.unitsPerSecond = resolution.unitsPerSecond
        if description.interfaces.isEmpty { description.resolution = resolution.name }
        let (nanoseconds, overflow) = interface.secondsOffset.multipliedReportingOverflow(by: 1_000_000_000)
        interfaces.append(
            SectionInterface(
                linkType: interface.linkType, snapLength: interface.snapLength,
                index: UInt16(truncatingIfNeeded: description.interfaces.count), resolution: resolution,
                offset: overflow ? (interface.secondsOffset < 0 ? .min : .max) : nanoseconds))
        description.interfaces.append(interface)
    }

    /// The counters run on from the start of the capture, so that the last block has the whole number.
    private func countDrops(
        _ window: Span<UInt8>, from start: Int, to end: Int, at offset: Int64, _ description: inout CaptureDescription
    ) {
        let id = window.captureWord(at: start + 8, bigEndian: bigEndian)
        guard id < UInt32(truncatingIfNeeded: interfaces.count) else {
            describe(
                CaptureProblem(
                    kind: "damaged", offset: offset,
                    message: "statistics are given for interface \(id); the section has described \(interfaces.count)"),
                in: &description)
            return
        }
        var byInterface: UInt64?
        var bySystem: UInt64?
        var options = OptionList(from: start + 20, to: end, bigEndian: bigEndian)
        while let option = options.next(in: window) {
            switch (option.code, option.value.count) {
            case (5, 8...): byInterface = longWord(window, at: option.value.lowerBound)
            case (7, 8...): bySystem = longWord(window, at: option.value.lowerBound)
            default: break
            }
        }
        note(options, in: "an interface statistics block", at: offset, &description)
        guard byInterface != nil || bySystem != nil else { return }
        let (sum, overflow) = (byInterface ?? 0).addingReportingOverflow(bySystem ?? 0)
        description.interfaces[Int(interfaces[Int(id)].index)].drops = overflow ? .max : sum
    }

    private mutating func keepSecrets(
        _ window: Span<UInt8>, from start: Int, to end: Int, at offset: Int64, _ description: inout CaptureDescription
    ) {
        let length = Int(window.captureWord(at: start + 12, bigEndian: bigEndian))
        guard length <= end - (start + 16) else {
            describe(
                CaptureProblem(
                    kind: "damaged", offset: offset,
                    message: "decryption secrets claim \(length) bytes in a block that has \(end - start - 16)"),
                in: &description)
            return
        }
        guard !isOutOfSecrets else { return }
        guard length <= secretsLeft, description.secrets.count < 4096 else {
            isOutOfSecrets = true
            describe(
                CaptureProblem(
                    kind: "unsupported", offset: offset,
                    message: "more decryption secrets than can be kept: those from here on are not used"),
                in: &description)
            return
        }
        secretsLeft -= length
        description.secrets.append((start + 16..<start + 16 + length).map { window[$0] })
    }

    private func checkOptions(
        _ window: Span<UInt8>, from start: Int, to end: Int, at offset: Int64, _ description: inout CaptureDescription
    ) {
        var options = OptionList(from: start, to: end, bigEndian: bigEndian)
        while options.next(in: window) != nil {}
        note(options, in: "a section header", at: offset, &description)
    }

    private func note(
        _ options: OptionList, in block: String, at offset: Int64, _ description: inout CaptureDescription
    ) {
        guard let length = options.tooLong else { return }
        describe(
            CaptureProblem(
                kind: "damaged", offset: offset,
                message: "\(block) has an option of \(length) bytes, more than it holds"),
            in: &description)
    }

    /// Damage that is read past; what repeats without end is told a few times only.
    private func describe(_ problem: CaptureProblem, in description: inout CaptureDescription) {
        description.complete = false
        if description.problems.count < 32 { description.problems.append(problem) }
    }

    private mutating func text(_ window: Span<UInt8>, _ range: Range<Int>, atMost limit: Int) -> String {
        let kept = range.prefix(min(limit, textLeft))
        textLeft -= kept.count
        return String(decoding: kept.map { window[$0] }.prefix { $0 != 0 }, as: UTF8.self)
    }

    private func longWord(_ window: Span<UInt8>, at offset: Int) -> UInt64 {
        let first = UInt64(window.captureWord(at: offset, bigEndian: bigEndian))
        let second = UInt64(window.captureWord(at: offset + 4, bigEndian: bigEndian))
        return bigEndian ? first << 32 | second : second << 32 | first
    }

    /// Whether the magic, read little-endian, says big-endian; `nil` when it is none.
    private static func byteOrder(_ magic: UInt32) -> Bool? {
        switch magic {
        case 0x1a2b_3c4d: false
        case 0x4d3c_2b1a: true
        default: nil
        }
    }

    /// Wireshark's ceiling too; the window never grows beyond it.
    private static let longestBlock: UInt32 = 16 * 1024 * 1024
}

/// The types of blocks that are looked into.
enum BlockType {
    /// The same in both byte orders.
    static let sectionHeader: UInt32 = 0x0a0d_0d0a
    static let interfaceDescription: UInt32 = 1
    static let packet: UInt32 = 2
    static let simplePacket: UInt32 = 3
    static let nameResolution: UInt32 = 4
    static let interfaceStatistics: UInt32 = 5
    static let enhancedPacket: UInt32 = 6
    static let systemdJournal: UInt32 = 9
    static let decryptionSecrets: UInt32 = 10
    static let custom: UInt32 = 0xbad
    static let customNotCopied: UInt32 = 0x4000_0bad

    /// Bytes of the smallest block of this type.
    @inline(__always)
    static func shortest(_ type: UInt32) -> UInt32 {
        switch type {
        case enhancedPacket, packet: 32
        case sectionHeader: 28
        case interfaceDescription, decryptionSecrets: 20
        case simplePacket, custom, customNotCopied: 16
        case interfaceStatistics: 24
        default: 12
        }
    }

    /// The name with its article.
    static func named(_ type: UInt32) -> String {
        let name = name(type)
        return ("aeio".contains(name.first ?? "b") ? "an " : "a ") + name
    }

    private static func name(_ type: UInt32) -> String {
        switch type {
        case sectionHeader: "section header"
        case interfaceDescription: "interface description"
        case packet: "packet block"
        case simplePacket: "simple packet block"
        case nameResolution: "name resolution block"
        case interfaceStatistics: "interface statistics block"
        case enhancedPacket: "enhanced packet block"
        case systemdJournal: "journal block"
        case decryptionSecrets: "decryption secrets block"
        case custom, customNotCopied: "custom block"
        default: "block of type 0x\(String(type, radix: 16))"
        }
    }
}

/// The options at the end of a block: code(2) length(2) value, padded to four bytes.
private struct OptionList {
    /// The length of an option that does not fit into its block.
    private(set) var tooLong: Int?
    private var position: Int
    private let end: Int
    private let bigEndian: Bool

    init(from start: Int, to end: Int, bigEndian: Bool) {
        position = start
        self.end = end
        self.bigEndian = bigEndian
    }

    mutating func next(in window: Span<UInt8>) -> (code: UInt16, value: Range<Int>)? {
        guard end - position >= 4 else { return nil }
        let code = window.captureHalf(at: position, bigEndian: bigEndian)
        let length = Int(window.captureHalf(at: position + 2, bigEndian: bigEndian))
        let start = position + 4
        guard code != 0 else { return nil }
        guard length <= end - start else {
            tooLong = length
            position = end
            return nil
        }
        position = min(end, start + (length + 3) / 4 * 4)
        return (code, start..<start + length)
    }
}
