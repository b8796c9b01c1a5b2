// Packets of many connections in blocks: each connection finds its own again, and blocks nobody needs are used again.

import TestSupport
import Testing

@testable import Traffic

@Suite struct KeptPacketsTests {
    /// A connection, and what was kept of it.
    private struct Model {
        let first: KeptPackets.Location
        var last: KeptPackets.Location
        var packets: [(number: UInt32, payload: [UInt8])]
    }

    @Test(arguments: [(connections: 3, rounds: 20_000), (connections: 50, rounds: 60_000)])
    func eachFindsItsOwn(connections: Int, rounds: Int) {
        var kept = KeptPackets()
        var models: [Model?] = Array(repeating: nil, count: connections)
        var chance = SeededNumbers(seed: 7)
        for number in 1...UInt32(rounds) {
            let place = Int(chance.next() % UInt64(connections))
            let payload = (0..<Int(chance.next() % 200)).map { UInt8(truncatingIfNeeded: $0 ^ Int(number)) }
            let mark = PacketMark(packet: number, time: Timestamp(nanoseconds: Int64(number)), acknowledged: nil)
            let segment = BriefSegment(ConnectionTableTests.segment(place), isClient: place % 2 == 0)
            guard var model = models[place] else {
                let location = kept.begin(segment, mark)
                models[place] = Model(first: location, last: location, packets: [(number, [])])
                continue
            }
            if chance.next() % 20 == 0 {
                check(model, in: kept)
                kept.end(model.first)
                models[place] = nil
                continue
            }
            let location = kept.location(forPayloadOf: payload.count)
            kept.append(segment, payload: payload.count, mark, behind: model.last)
            if chance.next() % 8 == 0 {
                // It is not to be kept after all.
                kept.removeLast()
                continue
            }
            kept.append(payload.span)
            model.last = location
            model.packets.append((number, payload))
            models[place] = model
        }
        for case let model? in models { check(model, in: kept) }
        // A connection ends after twenty packets, on average: what is alive lies in few of the blocks that were filled.
        let blocks = kept.blockCount
        #expect(blocks <= 15)
    }

    private func check(_ model: Model, in kept: borrowing KeptPackets) {
        let found = kept.locations(from: model.first, to: model.last)
        #expect(found.count == model.packets.count)
        for (location, expected) in zip(found, model.packets) {
            let packet = kept.packet(at: location)
            #expect(packet.number == expected.number)
            let payload = kept.payload(of: packet, at: location)
            #expect(payload == expected.payload)
        }
    }
}
