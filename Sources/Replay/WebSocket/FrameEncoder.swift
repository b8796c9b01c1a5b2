// Messages into frames (RFC 6455 5.2, RFC 7692 6.1), for a client or for a server.

public import Traffic

/// What permessage-deflate allows one direction to send (RFC 7692 7.1); `nil` where it was not agreed.
public struct DeflateAgreement: Sendable, Equatable {
    public var windowBits: Int
    /// Each message is compressed by itself.
    public var noContextTakeover: Bool

    public init(windowBits: Int, noContextTakeover: Bool) {
        self.windowBits = windowBits
        self.noContextTakeover = noContextTakeover
    }

    /// What the answer to a handshake agreed to, for the sender `direction`.
    public init?(_ facts: WebSocketFacts?, for direction: Direction) {
        guard let facts, facts.agreement.deflate, !facts.agreement.unknownExtension else { return nil }
        windowBits = Int(
            direction == .client ? facts.agreement.clientMaxWindowBits : facts.agreement.serverMaxWindowBits)
        noContextTakeover =
            direction == .client ? facts.agreement.clientNoContextTakeover : facts.agreement.serverNoContextTakeover
    }
}

/// Makes the frames of one direction of a session.
public struct FrameEncoder {
    private let direction: Direction
    private let agreement: DeflateAgreement?
    private var deflater: Deflater?

    /// A client's frames are masked, a server's are not.
    public init(_ direction: Direction, agreement: DeflateAgreement?) {
        self.direction = direction
        self.agreement = agreement
    }

    /// The frames of one message.
    ///
    /// It is compressed where that was agreed and it was recorded so, or the recording does not tell. With
    /// `keepsFragments` it is cut where the recorded one was; if other bytes are sent, in the same proportions.
    /// `maskKey` gives a fresh key for each frame.
    public mutating func encode(
        _ message: SessionMessage, keepsFragments: Bool = false, maskKey: () -> UInt32
    ) -> [UInt8] {
        var payload = message.payload
        var isCompressed = false
        if !message.isControl, message.isCompressed != false, let compressed = compress(payload) {
            payload = compressed
            isCompressed = true
        }
        var output: [UInt8] = []
        output.reserveCapacity(payload.count + 14)
        let sizes =
            keepsFragments && !message.isControl ? Self.cut(payload.count, like: message.fragments) : [payload.count]
        var position = 0
        for (index, size) in sizes.enumerated() {
            let opcode = index == 0 ? message.opcode : 0
            Self.frame(
                opcode, payload[position..<(position + size)], isFinal: index == sizes.count - 1,
                isCompressed: isCompressed && index == 0, mask: direction == .client ? maskKey() : nil, into: &output)
            position += size
        }
        return output
    }

    private mutating func compress(_ payload: [UInt8]) -> [UInt8]? {
        // zlib cannot keep to a window of 256 bytes; nobody has to compress.
        guard let agreement, agreement.windowBits > 8 else { return nil }
        if deflater == nil { deflater = Deflater(windowBits: agreement.windowBits) }
        if agreement.noContextTakeover { deflater?.reset() }
        return deflater?.compress(payload)
    }

    /// `count` bytes cut into as many pieces as there were, of the same sizes where they add up to it.
    static func cut(_ count: Int, like fragments: [Int64]) -> [Int] {
        guard fragments.count > 1 else { return [count] }
        let total = fragments.reduce(Int64(0)) { $0.addingReportingOverflow(max(0, $1)).partialValue }
        guard total != Int64(count) else { return fragments.map { Int($0) } }
        guard total > 0 else { return [count] }
        var sizes: [Int] = []
        var sum = 0.0
        var done = 0
        for fragment in fragments {
            sum += Double(max(0, fragment))
            let end = max(done, min(count, Int(Double(count) * (sum / Double(total)))))
            sizes.append(end - done)
            done = end
        }
        sizes[sizes.count - 1] += count - done
        return sizes
    }

    /// One frame.
    public static func frame(
        _ opcode: UInt8, _ payload: ArraySlice<UInt8>, isFinal: Bool = true, isCompressed: Bool = false,
        mask: UInt32?, into output: inout [UInt8]
    ) {
        output.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode & 0x0f)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case 0..<126: output.append(masked | UInt8(payload.count))
        case 126..<65536: output += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            output.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard let mask else {
            output += payload
            return
        }
        let key = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: mask >> UInt32($0)) }
        output += key
        var position = 0
        for byte in payload {
            output.append(byte ^ key[position & 3])
            position += 1
        }
    }

    /// The payload of a close frame (RFC 6455 5.5.1); empty without a code.
    public static func closePayload(code: UInt16?, reason: ArraySlice<UInt8> = []) -> [UInt8] {
        guard let code else { return [] }
        return [UInt8(code >> 8), UInt8(code & 255)] + reason.prefix(123)
    }
}
