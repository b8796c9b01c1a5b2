// Packets written down: hex for what a test is about, small functions for the headers around it.

import Traffic

/// Bytes of hexadecimal text; spaces do not count.
func hex(_ text: String) -> [UInt8] {
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

func be16(_ number: Int) -> [UInt8] {
    [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
}

/// 43981 to 80, sequence 0x01020304, acknowledgment 0x0a0b0c0d, PSH and ACK, window 512.
func tcp(_ text: String, options: [UInt8] = []) -> [UInt8] {
    hex("abcd 0050 01020304 0a0b0c0d") + [UInt8((20 + options.count) / 4) << 4] + hex("18 0200 0000 0000") + options
        + Array(text.utf8)
}

/// 10.0.0.1 to 10.0.0.2, identification 0x1234.
func ip4(
    _ payload: [UInt8], protocolNumber: UInt8 = 6, length: Int? = nil, flags: Int = 0, options: [UInt8] = []
) -> [UInt8] {
    let header = 20 + options.count
    return [0x40 | UInt8(header / 4), 0] + be16(length ?? header + payload.count) + hex("1234") + be16(flags)
        + [64, protocolNumber] + hex("0000 0a000001 0a000002") + options + payload
}

/// 2001:db8::1 to 2001:db8::2.
func ip6(_ payload: [UInt8], nextHeader: UInt8 = 6, length: Int? = nil) -> [UInt8] {
    hex("60000000") + be16(length ?? payload.count) + [nextHeader, 64]
        + hex("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002") + payload
}

func udp(_ port: Int, _ payload: [UInt8]) -> [UInt8] {
    hex("c000") + be16(port) + be16(8 + payload.count) + hex("0000") + payload
}

func ethernet(_ type: Int, _ payload: [UInt8]) -> [UInt8] {
    hex("020000000001 020000000002") + be16(type) + payload
}

extension Dissector {
    /// One packet's facts as a line of text.
    mutating func facts(
        _ bytes: [UInt8], linkType: UInt32 = 1, originalLength: Int? = nil, second: Int64 = 0
    ) -> String {
        let dissection = dissect(
            bytes.span, linkType: linkType, originalLength: originalLength ?? bytes.count,
            time: Timestamp(nanoseconds: second * 1_000_000_000))
        switch dissection {
        case .segment(let segment):
            let payload: [UInt8] = segment.payload.map { segment.isReassembled ? reassembled[$0] : bytes[$0] }
            var words = ["\(segment.source) > \(segment.destination)", "'\(String(decoding: payload, as: UTF8.self))'"]
            if segment.missing != 0 { words.append("missing \(segment.missing)") }
            if segment.isReassembled { words.append("reassembled") }
            words += tunnelNames(segment.tunnel).map { "[\($0)]" }
            return words.joined(separator: " ")
        case .fragment: return "fragment"
        case .notIP(let kind): return "not IP: \(kind.name)"
        case .notTCP(let kind): return "not TCP: \(kind.name)"
        case .malformed(let fault): return "malformed: \(fault.name)"
        }
    }
}

let v4Ends = "10.0.0.1:43981 > 10.0.0.2:80"
let v6Ends = "[2001:db8::1]:43981 > [2001:db8::2]:80"
