// What is kept of connections of which nobody knows yet whether they carry an exchange.

import Testing
import Traffic

@testable import LiveCapture

@Suite struct HeldPacketsTests {
    /// One packet and what the analyzer says of it.
    struct Step: Sendable {
        var number: UInt8
        var owner: PacketOwner
        var size = 100

        static func of(
            _ connection: UInt64, _ number: UInt8, spoken: Bool = true, carries: Bool = false, may: Bool = true,
            copyOf: UInt64? = nil, datagram: UInt64? = nil, size: Int = 100
        ) -> Step {
            Step(
                number: number,
                owner: .connection(
                    ConnectionStatus(
                        id: connection, copyOf: copyOf, hasSpoken: spoken, carriesExchange: carries,
                        mayCarryExchange: may, datagram: datagram)), size: size)
        }
    }

    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var limit = 100_000
        var totalLimit = 1_000_000
        var steps: [Step]
        /// First bytes of the packets that are written, in their order.
        var written: [UInt8]
        var letGo: UInt64 = 0
        var leftOut: UInt64 = 0
        var testDescription: String { name }
    }

    static let rows = [
        Row(
            name: "everything of a connection is kept once it carries an exchange",
            steps: [.of(1, 1, spoken: false), .of(1, 2), .of(1, 3, carries: true), .of(1, 4, carries: true)],
            written: [1, 2, 3, 4]),
        Row(
            name: "nothing of another", steps: [.of(1, 1), .of(2, 2), .of(1, 3, carries: true), .of(2, 4)],
            written: [1, 3], leftOut: 2),
        Row(
            name: "the oldest go first, the handshake stays", limit: 500,
            steps: [.of(1, 1, spoken: false), .of(1, 2), .of(1, 3), .of(1, 4), .of(1, 5), .of(1, 6, carries: true)],
            written: [1, 4, 5, 6], letGo: 2),
        Row(
            name: "a ceiling on all together", totalLimit: 400,
            steps: [.of(1, 1), .of(2, 2), .of(2, 3), .of(3, 4), .of(2, 5, carries: true), .of(1, 6, carries: true)],
            written: [2, 3, 5, 1, 6], leftOut: 1),
        Row(
            name: "what turns out to be something else is let go at once",
            steps: [.of(1, 1, spoken: false), .of(1, 2, may: false), .of(1, 3, may: false)], written: [], leftOut: 3),
        Row(
            name: "no connection at all", steps: [Step(number: 1, owner: .nobody), .of(1, 2, carries: true)],
            written: [2], leftOut: 1),
        Row(
            name: "the parts of a datagram belong to its connection",
            steps: [Step(number: 1, owner: .datagram(9)), .of(1, 2, datagram: 9), .of(1, 3, carries: true)],
            written: [1, 2, 3]),
        Row(
            name: "and when it is what begins the exchange",
            steps: [Step(number: 1, owner: .datagram(9)), .of(1, 2, carries: true, datagram: 9)], written: [1, 2]),
        Row(
            name: "a datagram that never became whole", steps: [Step(number: 1, owner: .datagram(9))], written: [],
            leftOut: 1),
        Row(
            name: "a copy goes with its original",
            steps: [
                .of(1, 1), .of(2, 2, may: false, copyOf: 1), .of(1, 3, carries: true), .of(2, 4, may: false, copyOf: 1),
            ],
            written: [1, 3, 2, 4]),
    ]

    @Test(arguments: rows) func whatIsKept(_ row: Row) {
        var held = HeldPackets(limit: row.limit, totalLimit: row.totalLimit)
        var writer = PcapngWriter()
        var count: UInt64 = 0
        for step in row.steps {
            var bytes = [UInt8](repeating: 0, count: step.size)
            bytes[0] = step.number
            let packet = CapturedPacket(
                number: 0, time: Timestamp(nanoseconds: Int64(step.number)), linkType: 1, interface: 0,
                range: 0..<step.size, originalLength: UInt32(step.size))
            count += held.take(packet, bytes.span, owner: step.owner, into: &writer)
        }
        held.forgetAll()
        #expect(Self.firstBytes(writer.bytes) == row.written)
        #expect(count == UInt64(row.written.count))
        #expect(held.letGo == row.letGo)
        #expect(held.leftOut == row.leftOut)
        #expect(held.bytes == 0)
    }

    private static func firstBytes(_ blocks: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var start = 0
        while start < blocks.count {
            bytes.append(blocks[start + 28])
            start += PcapngWriter.lengthOfBlock(in: blocks, at: start)
        }
        return bytes
    }
}
