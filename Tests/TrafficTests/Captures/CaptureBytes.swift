// Captures made of bytes: what a test needs of a pcap and pcapng writer, in either byte order.

@testable import Traffic

/// A packet to be written.
struct PacketBytes {
    var ticks: UInt64 = 1_700_000_000_000_000
    var bytes: [UInt8]
    /// Length on the wire; that of `bytes` when not given.
    var original: UInt32?

    init(_ bytes: [UInt8], ticks: UInt64 = 1_700_000_000_000_000, original: UInt32? = nil) {
        self.bytes = bytes
        self.ticks = ticks
        self.original = original
    }
}

/// Words in one byte order.
struct CaptureBytes {
    var bigEndian = false
    var bytes: [UInt8] = []

    init(bigEndian: Bool = false) { self.bigEndian = bigEndian }

    mutating func half(_ value: UInt16) {
        bytes += bigEndian ? [UInt8(value >> 8), UInt8(value & 0xff)] : [UInt8(value & 0xff), UInt8(value >> 8)]
    }

    mutating func word(_ value: UInt32) {
        if bigEndian {
            half(UInt16(value >> 16))
            half(UInt16(value & 0xffff))
        } else {
            half(UInt16(value & 0xffff))
            half(UInt16(value >> 16))
        }
    }

    mutating func long(_ value: UInt64) {
        if bigEndian {
            word(UInt32(value >> 32))
            word(UInt32(value & 0xffff_ffff))
        } else {
            word(UInt32(value & 0xffff_ffff))
            word(UInt32(value >> 32))
        }
    }

    // MARK: pcap

    enum Variant: UInt32, CaseIterable {
        case microseconds = 0xa1b2_c3d4
        case nanoseconds = 0xa1b2_3c4d
        case modified = 0xa1b2_cd34
    }

    /// A pcap file; the ticks of its packets are of the variant's unit.
    static func pcap(
        _ packets: [PacketBytes], variant: Variant = .microseconds, bigEndian: Bool = false, linkType: UInt32 = 1,
        snapLength: UInt32 = 262144, version: (UInt16, UInt16) = (2, 4)
    ) -> [UInt8] {
        var file = CaptureBytes(bigEndian: bigEndian)
        file.word(variant.rawValue)
        file.half(version.0)
        file.half(version.1)
        file.word(0)
        file.word(0)
        file.word(snapLength)
        file.word(linkType)
        let unit: UInt64 = variant == .nanoseconds ? 1_000_000_000 : 1_000_000
        for packet in packets {
            file.word(UInt32(packet.ticks / unit))
            file.word(UInt32(packet.ticks % unit))
            file.word(UInt32(packet.bytes.count))
            file.word(packet.original ?? UInt32(packet.bytes.count))
            if variant == .modified { file.bytes += [0, 0, 0, 2, 8, 0, 4, 0] }
            file.bytes += packet.bytes
        }
        return file.bytes
    }

    // MARK: pcapng

    /// A block of any type around `body`, which is padded.
    mutating func block(_ type: UInt32, _ body: [UInt8]) {
        let padding = (4 - body.count % 4) % 4
        let length = UInt32(12 + body.count + padding)
        word(type)
        word(length)
        bytes += body + [UInt8](repeating: 0, count: padding)
        word(length)
    }

    mutating func section(length: Int64 = -1, major: UInt16 = 1, minor: UInt16 = 0, options: [(UInt16, [UInt8])] = []) {
        block(0x0a0d_0d0a) {
            $0.word(0x1a2b_3c4d)
            $0.half(major)
            $0.half(minor)
            $0.long(UInt64(bitPattern: length))
            $0.options(options)
        }
    }

    mutating func interface(
        linkType: UInt16 = 1, snapLength: UInt32 = 0, options: [(UInt16, [UInt8])] = []
    ) {
        block(1) {
            $0.half(linkType)
            $0.half(0)
            $0.word(snapLength)
            $0.options(options)
        }
    }

    mutating func enhancedPacket(_ packet: PacketBytes, interface: UInt32 = 0) {
        block(6) {
            $0.word(interface)
            $0.word(UInt32(packet.ticks >> 32))
            $0.word(UInt32(packet.ticks & 0xffff_ffff))
            $0.word(UInt32(packet.bytes.count))
            $0.word(packet.original ?? UInt32(packet.bytes.count))
            $0.bytes += packet.bytes
        }
    }

    mutating func obsoletePacket(_ packet: PacketBytes, interface: UInt16 = 0, drops: UInt16 = 0xffff) {
        block(2) {
            $0.half(interface)
            $0.half(drops)
            $0.word(UInt32(packet.ticks >> 32))
            $0.word(UInt32(packet.ticks & 0xffff_ffff))
            $0.word(UInt32(packet.bytes.count))
            $0.word(packet.original ?? UInt32(packet.bytes.count))
            $0.bytes += packet.bytes
        }
    }

    mutating func simplePacket(_ packet: PacketBytes) {
        block(3) {
            $0.word(packet.original ?? UInt32(packet.bytes.count))
            $0.bytes += packet.bytes
        }
    }

    mutating func statistics(interface: UInt32 = 0, options: [(UInt16, [UInt8])]) {
        block(5) {
            $0.word(interface)
            $0.long(0)
            $0.options(options)
        }
    }

    mutating func secrets(_ secrets: [UInt8], type: UInt32 = 0x544c_534b) {
        block(10) {
            $0.word(type)
            $0.word(UInt32(secrets.count))
            $0.bytes += secrets
        }
    }

    mutating func options(_ options: [(UInt16, [UInt8])]) {
        for (code, value) in options {
            half(code)
            half(UInt16(value.count))
            bytes += value + [UInt8](repeating: 0, count: (4 - value.count % 4) % 4)
        }
        if !options.isEmpty { word(0) }
    }

    /// A block whose body is written in the same byte order.
    mutating func block(_ type: UInt32, _ write: (inout CaptureBytes) -> Void) {
        var body = CaptureBytes(bigEndian: bigEndian)
        write(&body)
        block(type, body.bytes)
    }

    /// One section, one interface, the packets.
    static func pcapng(_ packets: [PacketBytes], bigEndian: Bool = false, linkType: UInt16 = 1) -> [UInt8] {
        var file = CaptureBytes(bigEndian: bigEndian)
        file.section()
        file.interface(linkType: linkType, snapLength: 262144)
        for packet in packets { file.enhancedPacket(packet) }
        return file.bytes
    }
}

/// A packet that was read, its bytes taken out of the window.
struct ReadPacket: Equatable {
    var number: UInt32
    var nanoseconds: Int64
    var linkType: UInt32
    var interface: UInt16
    var bytes: [UInt8]
    var originalLength: UInt32
}

/// Everything a capture has in it.
struct ReadCapture {
    var packets: [ReadPacket] = []
    var description = CaptureDescription(path: "")

    init(_ bytes: [UInt8], chunk: Int = .max, windowSize: Int = 256 * 1024) throws(CaptureError) {
        var reader = try CaptureReader(bytes: bytes, name: "test", chunk: chunk, windowSize: windowSize)
        drain(&reader)
    }

    init(path: String) throws(CaptureError) {
        var reader = try CaptureReader(path: path)
        drain(&reader)
    }

    private mutating func drain(_ reader: inout CaptureReader) {
        var batch: [CapturedPacket] = []
        while reader.readBatch(&batch) {
            let window = reader.window
            for packet in batch {
                packets.append(
                    ReadPacket(
                        number: packet.number, nanoseconds: packet.time.nanoseconds, linkType: packet.linkType,
                        interface: packet.interface, bytes: packet.range.map { window[$0] },
                        originalLength: packet.originalLength))
            }
        }
        description = reader.description
    }
}
