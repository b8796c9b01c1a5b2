// What a dissector says of a packet, as a line of text.

import Traffic

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
