// Addresses and ports of plain packets, for a comparison at a glance: no address is taken apart for it.

/// Source and destination of an IPv4 packet in no tunnel, as they stand in its headers.
struct PlainPair: BitwiseCopyable {
    /// Two addresses, and two ports; all 0 of any other packet.
    let addresses: UInt64
    let ports: UInt32

    @inline(__always)
    init(addresses: UInt64, ports: UInt32) {
        self.addresses = addresses
        self.ports = ports
    }

    /// That of no packet.
    static var none: PlainPair { PlainPair(addresses: 0, ports: 0) }

    init(_ segment: Segment) {
        let isPlain = segment.tunnel == 0 && segment.source.address.isV4 && segment.destination.address.isV4
        addresses =
            isPlain ? UInt64(segment.source.address.v4) << 32 | UInt64(segment.destination.address.v4) : 0
        ports = isPlain ? UInt32(segment.source.port) << 16 | UInt32(segment.destination.port) : 0
    }

    /// The other way round.
    @inline(__always) var reversed: PlainPair {
        PlainPair(addresses: addresses << 32 | addresses >> 32, ports: ports << 16 | ports >> 16)
    }

    /// 0 where it is the same as another.
    @inline(__always)
    func difference(to pair: PlainPair) -> UInt64 { (addresses ^ pair.addresses) | UInt64(ports ^ pair.ports) }

    @inline(__always) var source: Endpoint {
        Endpoint(
            address: IPAddress(v4: UInt32(addresses >> 32)), port: UInt16(ports >> 16))
    }
}
