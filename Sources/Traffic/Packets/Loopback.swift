// BSD loopback (LINKTYPE_NULL, LINKTYPE_LOOP): the address family in four bytes. LOOP has them in network order,
// NULL in the order of the machine that captured, which need not be the order of the file.

import Ground

extension Dissector {
    mutating func loopback(_ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped {
        var rest = packet
        let start = rest.start
        guard rest.skip(4) else { return .malformed(.linkHeaderCut) }
        let read = bytes.load32(start)
        let family = read > 0xffff ? read.byteSwapped : read
        switch family {
        case 2: return ipv4(bytes, rest)
        // AF_INET6 of Linux; NetBSD and OpenBSD; FreeBSD; Darwin.
        case 10, 24, 28, 30: return ipv6(bytes, rest)
        default: return .notIP(.family(UInt8(clamping: family)))
        }
    }
}
