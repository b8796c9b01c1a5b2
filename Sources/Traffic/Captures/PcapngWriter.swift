// pcapng, written: little-endian, times in nanoseconds, one section after another where a file is written in parts.
//
// The writer makes blocks and appends them to its buffer; whoever owns it hands the buffer to a file. It knows no
// files, so a recording, a replay and an extract write the same way, and a test reads the bytes back. Only whole blocks
// are ever in the buffer: cut at a block, what was written stays a capture.

import Ground

/// An interface as a capture describes it.
public struct RecordedInterface: Sendable {
    public var name: String
    public var description: String
    /// LINKTYPE_ value.
    public var linkType: UInt32
    public var snapLength: UInt32
    /// The filter that packets had to pass, as libpcap reads it.
    public var filter: String

    public init(
        name: String, description: String = "", linkType: UInt32, snapLength: UInt32 = 262_144, filter: String = ""
    ) {
        self.name = name
        self.description = description
        self.linkType = linkType
        self.snapLength = snapLength
        self.filter = filter
    }
}

/// What was counted on an interface, for the end of a capture.
public struct InterfaceStatistics: Sendable, Equatable {
    /// Packets that the filter let through.
    public var received: UInt64
    /// Packets that found no room in the kernel's buffer.
    public var droppedByKernel: UInt64
    /// Packets that the interface or its driver dropped.
    public var droppedByInterface: UInt64

    public init(received: UInt64 = 0, droppedByKernel: UInt64 = 0, droppedByInterface: UInt64 = 0) {
        self.received = received
        self.droppedByKernel = droppedByKernel
        self.droppedByInterface = droppedByInterface
    }

    /// All that were lost.
    public var dropped: UInt64 { droppedByKernel &+ droppedByInterface }
}

/// Makes pcapng blocks.
public struct PcapngWriter: Sendable {
    /// Whole blocks that were made and not yet taken away.
    public var bytes: [UInt8] = []
    /// Interfaces described in this section.
    private var interfaces: UInt32 = 0

    public init() {}

    /// Begins a section; interfaces are numbered anew in it.
    public mutating func section(application: String, comment: String = "") {
        interfaces = 0
        block(BlockType.sectionHeader) { body in
            body.word(0x1a2b_3c4d)
            body.half(1)
            body.half(0)
            // The length of the section is not known while it is written.
            body.long(.max)
            if !comment.isEmpty { body.option(1, comment) }
            body.option(4, application)
            body.endOfOptions()
        }
    }

    /// Describes an interface and answers its number.
    @discardableResult
    public mutating func interface(_ interface: RecordedInterface) -> UInt32 {
        block(BlockType.interfaceDescription) { body in
            body.half(UInt16(truncatingIfNeeded: interface.linkType))
            body.half(0)
            body.word(interface.snapLength)
            if !interface.name.isEmpty { body.option(2, interface.name) }
            if !interface.description.isEmpty { body.option(3, interface.description) }
            body.option(9, [9])
            if !interface.filter.isEmpty { body.option(11, [0] + Array(interface.filter.utf8)) }
            body.endOfOptions()
        }
        interfaces += 1
        return interfaces - 1
    }

    /// One packet, with comments that Wireshark shows beside it.
    ///
    /// `originalLength` is its length on the wire.
    @inline(__always)
    public mutating func packet(
        _ packet: Span<UInt8>, interface: UInt32 = 0, time: Timestamp, originalLength: UInt32, comments: [String] = []
    ) {
        if !comments.isEmpty {
            return commented(packet, interface: interface, time: time, originalLength: originalLength, comments)
        }
        let padding = -packet.count & 3
        let length = UInt32(truncatingIfNeeded: 32 + packet.count + padding)
        let time = UInt64(bitPattern: time.nanoseconds)
        let words: [7 of UInt32] = [
            BlockType.enhancedPacket, length, interface, UInt32(truncatingIfNeeded: time >> 32),
            UInt32(truncatingIfNeeded: time), UInt32(truncatingIfNeeded: packet.count), originalLength,
        ]
        // On the stack and appended at once: a byte at a time costs more than the packet itself.
        var head = [28 of UInt8](repeating: 0)
        for index in 0..<7 { head.store(words[index], at: 4 * index) }
        var tail = [8 of UInt8](repeating: 0)
        tail.store(length, at: 4)
        bytes.append(head.span)
        bytes.append(packet)
        bytes.append(tail.span.extracting((4 - padding)..<8))
    }

    private mutating func commented(
        _ packet: Span<UInt8>, interface: UInt32, time: Timestamp, originalLength: UInt32, _ comments: [String]
    ) {
        let ticks = UInt64(bitPattern: time.nanoseconds)
        let copy = packet.array
        block(BlockType.enhancedPacket) { body in
            body.word(interface)
            body.word(UInt32(truncatingIfNeeded: ticks >> 32))
            body.word(UInt32(truncatingIfNeeded: ticks))
            body.word(UInt32(truncatingIfNeeded: copy.count))
            body.word(originalLength)
            body.append(contentsOf: copy)
            body.pad()
            for comment in comments { body.option(1, comment) }
            body.endOfOptions()
        }
    }

    /// What was counted on an interface up to `time`.
    public mutating func statistics(
        _ statistics: InterfaceStatistics, interface: UInt32 = 0, time: Timestamp, start: Timestamp? = nil
    ) {
        func ticks(_ time: Timestamp) -> [UInt8] {
            let ticks = UInt64(bitPattern: time.nanoseconds)
            var value: [UInt8] = []
            value.word(UInt32(truncatingIfNeeded: ticks >> 32))
            value.word(UInt32(truncatingIfNeeded: ticks))
            return value
        }
        func count(_ count: UInt64) -> [UInt8] {
            var value: [UInt8] = []
            value.long(count)
            return value
        }
        block(BlockType.interfaceStatistics) { body in
            body.word(interface)
            body.append(contentsOf: ticks(time))
            if let start { body.option(2, ticks(start)) }
            body.option(3, ticks(time))
            body.option(4, count(statistics.received))
            body.option(5, count(statistics.droppedByInterface))
            body.option(7, count(statistics.droppedByKernel))
            body.endOfOptions()
        }
    }

    /// Secrets with which what follows can be decrypted: lines of an NSS key log.
    public mutating func secrets(keyLog: [UInt8]) {
        block(BlockType.decryptionSecrets) { body in
            body.word(0x544c_534b)
            body.word(UInt32(truncatingIfNeeded: keyLog.count))
            body.append(contentsOf: keyLog)
            body.pad()
        }
    }

    /// Frames what `body` makes: its length stands before it and after.
    private mutating func block(_ type: UInt32, _ body: (inout [UInt8]) -> Void) {
        var content: [UInt8] = []
        body(&content)
        let length = UInt32(truncatingIfNeeded: content.count + 12)
        bytes.word(type)
        bytes.word(length)
        bytes.append(contentsOf: content)
        bytes.word(length)
    }

    /// Length of the block that begins at `start`, which must be one.
    public static func lengthOfBlock(in written: [UInt8], at start: Int) -> Int {
        Int(written.span.extracting((start + 4)..<(start + 8)).captureWord(at: 0, bigEndian: false))
    }

    /// Packets among the whole blocks in the first `count` bytes of `written`.
    public static func packets(of written: [UInt8], within count: Int) -> UInt64 {
        var packets: UInt64 = 0
        var start = 0
        while count - start >= 12 {
            let type = written.span.extracting(start..<(start + 4)).captureWord(at: 0, bigEndian: false)
            if type == BlockType.enhancedPacket { packets += 1 }
            start += lengthOfBlock(in: written, at: start)
        }
        return packets
    }

    /// How many of the first `count` bytes of `written` are whole blocks.
    ///
    /// For a file of which not everything could be written: cut there, it can still be read.
    public static func wholeBlocks(of written: [UInt8], within count: Int) -> Int {
        var end = 0
        while count - end >= 12 {
            let length = lengthOfBlock(in: written, at: end)
            guard length >= 12, length <= count - end else { break }
            end += length
        }
        return end
    }
}

extension InlineArray where Element == UInt8 {
    @inline(__always)
    fileprivate mutating func store(_ value: UInt32, at index: Int) {
        self[index] = UInt8(truncatingIfNeeded: value)
        self[index + 1] = UInt8(truncatingIfNeeded: value >> 8)
        self[index + 2] = UInt8(truncatingIfNeeded: value >> 16)
        self[index + 3] = UInt8(truncatingIfNeeded: value >> 24)
    }
}

extension [UInt8] {
    @inline(__always)
    fileprivate mutating func word(_ value: UInt32) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
        append(UInt8(truncatingIfNeeded: value >> 16))
        append(UInt8(truncatingIfNeeded: value >> 24))
    }

    fileprivate mutating func half(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }

    fileprivate mutating func long(_ value: UInt64) {
        word(UInt32(truncatingIfNeeded: value))
        word(UInt32(truncatingIfNeeded: value >> 32))
    }

    fileprivate mutating func pad() { append(contentsOf: repeatElement(0, count: -count & 3)) }

    /// An option; its length has 16 bits, so longer text is cut.
    fileprivate mutating func option(_ code: UInt16, _ value: [UInt8]) {
        let value = value.prefix(Int(UInt16.max))
        half(code)
        half(UInt16(value.count))
        append(contentsOf: value)
        append(contentsOf: repeatElement(0, count: -value.count & 3))
    }

    fileprivate mutating func option(_ code: UInt16, _ text: String) { option(code, Array(text.utf8)) }

    fileprivate mutating func endOfOptions() {
        half(0)
        half(0)
    }
}
