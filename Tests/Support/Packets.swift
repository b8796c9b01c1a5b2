// Packets written down: hex for what a test is about, small functions for the headers around it.

public import Traffic

/// Bytes of hexadecimal text; spaces do not count.
public func hex(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in text where character != " " {
        let digit = UInt8(character.hexDigitValue ?? 0)
        if let known = high {
            bytes.append(known << 4 | digit)
            high = nil
        } else {
            high = digit
        }
    }
    return bytes
}

/// Two bytes in network order.
public func be16(_ number: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
}

/// Four bytes in network order.
public func be32(_ number: UInt32) -> [UInt8] { be16(Int(number >> 16)) + be16(Int(number & 0xffff)) }

/// An Ethernet frame around a payload of this type.
public func ethernet(_ type: Int, _ payload: [UInt8]) -> [UInt8] {
    [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] + be16(type) + payload
}

/// 10.0.0.1 to 10.0.0.2, identification 0x1234.
public func ip4(
    _ payload: [UInt8], protocolNumber: UInt8 = 6, length: Int? = nil, flags: Int = 0, options: [UInt8] = []
) -> [UInt8] {
    let header = 20 + options.count
    return [0x40 | UInt8(header / 4), 0] + be16(length ?? header + payload.count) + hex("1234") + be16(flags)
        + [64, protocolNumber] + hex("0000 0a000001 0a000002") + options + payload
}

/// 2001:db8::1 to 2001:db8::2.
public func ip6(_ payload: [UInt8], nextHeader: UInt8 = 6, length: Int? = nil) -> [UInt8] {
    hex("60000000") + be16(length ?? payload.count) + [nextHeader, 64]
        + hex("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002") + payload
}

/// A UDP datagram to this port.
public func udp(_ port: Int, _ payload: [UInt8]) -> [UInt8] {
    hex("c000") + be16(port) + be16(8 + payload.count) + hex("0000") + payload
}

/// A segment of 43981 to 80, sequence 0x01020304, acknowledgment 0x0a0b0c0d, PSH and ACK, window 512.
public func tcp(_ text: String, options: [UInt8] = []) -> [UInt8] {
    hex("abcd 0050 01020304 0a0b0c0d") + [UInt8((20 + options.count) / 4) << 4] + hex("18 0200 0000 0000") + options
        + Array(text.utf8)
}

/// A TCP segment in an IPv4 datagram, field by field.
public struct TCPPacket {
    public var source: Endpoint
    public var destination: Endpoint
    public var sequence: UInt32
    public var acknowledgment: UInt32
    public var flags: TCPFlags
    public var window: UInt16
    public var payload: ArraySlice<UInt8>
    public var identification: UInt16
    /// What the IP header says the length is, where it lies.
    public var statedLength: Int?

    public init(
        from source: Endpoint, to destination: Endpoint, sequence: UInt32, acknowledgment: UInt32 = 0,
        flags: TCPFlags, window: UInt16 = 0xffff, payload: ArraySlice<UInt8> = [], identification: UInt16 = 1,
        statedLength: Int? = nil
    ) {
        self.source = source
        self.destination = destination
        self.sequence = sequence
        self.acknowledgment = acknowledgment
        self.flags = flags
        self.window = window
        self.payload = payload
        self.identification = identification
        self.statedLength = statedLength
    }

    /// The bytes from the IP header on; checksums are zero.
    public var datagram: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(40 + payload.count)
        func two(_ value: UInt16) {
            bytes.append(UInt8(value >> 8))
            bytes.append(UInt8(value & 0xff))
        }
        func four(_ value: UInt32) {
            two(UInt16(value >> 16))
            two(UInt16(value & 0xffff))
        }
        two(0x4500)
        two(UInt16(truncatingIfNeeded: statedLength ?? 40 + payload.count))
        two(identification)
        two(0x4000)
        two(0x4006)
        two(0)
        four(source.address.v4)
        four(destination.address.v4)
        two(source.port)
        two(destination.port)
        four(sequence)
        four(acknowledgment)
        two(0x5000 | UInt16(flags.rawValue))
        two(window)
        four(0)
        bytes += payload
        return bytes
    }

    /// The same in Ethernet.
    public var frame: [UInt8] { ethernet(0x0800, datagram) }
}

/// A packet as it stands in a capture.
public struct TimedPacket {
    /// In nanoseconds.
    public var time: Int64
    public var bytes: [UInt8]
    /// How long it was on the wire.
    public var original: Int

    public init(time: Int64, bytes: [UInt8], original: Int? = nil) {
        self.time = time
        self.bytes = bytes
        self.original = original ?? bytes.count
    }
}

extension [TimedPacket] {
    /// A capture file: pcap, little endian, microseconds, Ethernet.
    public var pcap: [UInt8] {
        func little(_ value: Int) -> [UInt8] { be32(UInt32(value)).reversed() }
        let header = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0] + little(0) + little(0) + little(65535) + little(1)
        return reduce(into: header) { file, packet in
            let microseconds = Int(packet.time / 1000)
            file += little(microseconds / 1_000_000) + little(microseconds % 1_000_000)
            file += little(packet.bytes.count) + little(packet.original) + packet.bytes
        }
    }
}
