// VXLAN (RFC 7348) and VXLAN-GPE, which names what is inside (draft-ietf-nvo3-vxlan-gpe). Reserved bits are
// ignored, as receivers must.

import Ground

extension Dissector {
    mutating func vxlan(namesProtocol: Bool, _ bytes: Span<UInt8>, _ packet: Extent) -> Unwrapped? {
        var rest = packet
        let start = rest.start
        guard rest.skip(8), bytes[start] & 0x08 != 0 else { return nil }
        let network = bytes.load24(start + 4)
        label(&rest, .vxlan, network)
        let ethernetFrame: UInt8 = 3
        switch namesProtocol && bytes[start] & 0x04 != 0 ? bytes[start + 3] : ethernetFrame {
        case 1: return ipv4(bytes, rest)
        case 2: return ipv6(bytes, rest)
        case ethernetFrame: return ethernet(bytes, rest)
        default: return nil
        }
    }
}
