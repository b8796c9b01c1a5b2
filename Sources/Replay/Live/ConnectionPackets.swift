// A live connection as packets: what was said becomes TCP segments without a network in between.
//
// So one analyzer reads recorded and live traffic, and what is written to a file is what was judged. Sequence numbers count
// from a constant; each segment acknowledges all that its sender can have received: of the client that is known, of the
// server it is the most that can be. Raw IP, checksums as they have to be (RFC 791, 8200, 9293).

public import Traffic

/// Makes the packets of one connection.
public struct ConnectionPackets: Sendable {
    /// LINKTYPE_RAW: a packet begins with its IP header.
    public static let linkType: UInt32 = 101
    /// Payload bytes that fit into one packet.
    public static let mostPayload = 65535 - 60

    private let endpoints: PerDirection<Endpoint>
    /// Stream bytes sent so far; the SYN counts as one.
    private var sent = PerDirection<UInt32>(both: 0)
    private var identification: UInt16 = 0

    public init(client: Endpoint, server: Endpoint) {
        endpoints = PerDirection(client: client, server: server)
    }

    /// The three packets of the handshake.
    public mutating func open() -> [[UInt8]] {
        [packet(.client, .syn), packet(.server, [.syn, .ack]), packet(.client, .ack)]
    }

    /// One segment with payload.
    public mutating func data(_ direction: Direction, _ payload: ArraySlice<UInt8>) -> [UInt8] {
        packet(direction, [.ack, .psh], payload)
    }

    /// The end of one direction.
    public mutating func end(_ direction: Direction, reset: Bool) -> [UInt8] {
        packet(direction, reset ? [.rst, .ack] : [.fin, .ack])
    }

    private mutating func packet(
        _ direction: Direction, _ flags: TCPFlags, _ payload: ArraySlice<UInt8> = []
    ) -> [UInt8] {
        let source = endpoints[direction]
        let target = endpoints[direction.opposite]
        identification &+= 1
        var segment: [UInt8] = []
        segment.reserveCapacity(20 + payload.count)
        segment.add(source.port)
        segment.add(target.port)
        segment.add(Self.base(direction) &+ sent[direction])
        segment.add(flags.contains(.ack) ? Self.base(direction.opposite) &+ sent[direction.opposite] : UInt32(0))
        segment += [5 << 4, flags.rawValue, 0xff, 0xff, 0, 0, 0, 0]
        segment += payload
        sent[direction] &+= UInt32(truncatingIfNeeded: payload.count)
        if flags.contains(.syn) || flags.contains(.fin) { sent[direction] &+= 1 }

        let isV4 = source.address.isV4 && target.address.isV4
        var addresses: [UInt8] = []
        for address in [source.address, target.address] {
            if isV4 {
                addresses.add(address.v4)
            } else {
                addresses.add(address.high)
                addresses.add(address.low)
            }
        }
        var sum = Self.sum(addresses[...]) + UInt64(6) + UInt64(segment.count) + Self.sum(segment[...])
        let checksum = Self.folded(&sum)
        segment[16] = UInt8(checksum >> 8)
        segment[17] = UInt8(checksum & 255)

        var header: [UInt8] = []
        if isV4 {
            header += [0x45, 0]
            header.add(UInt16(truncatingIfNeeded: 20 + segment.count))
            header.add(identification)
            header += [0x40, 0, 64, 6, 0, 0]
            header += addresses
            var sum = Self.sum(header[...])
            let checksum = Self.folded(&sum)
            header[10] = UInt8(checksum >> 8)
            header[11] = UInt8(checksum & 255)
        } else {
            header += [0x60, 0, 0, 0]
            header.add(UInt16(truncatingIfNeeded: segment.count))
            header += [6, 64]
            header += addresses
        }
        return header + segment
    }

    private static func base(_ direction: Direction) -> UInt32 { direction == .client ? 0x1000_0000 : 0x2000_0000 }

    /// The sum of RFC 1071, not folded yet.
    private static func sum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        var sum: UInt64 = 0
        var isHigh = true
        for byte in bytes {
            sum &+= isHigh ? UInt64(byte) << 8 : UInt64(byte)
            isHigh.toggle()
        }
        return sum
    }

    private static func folded(_ sum: inout UInt64) -> UInt16 {
        while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }
}

extension [UInt8] {
    /// Appends a number in network order.
    fileprivate mutating func add(_ value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
