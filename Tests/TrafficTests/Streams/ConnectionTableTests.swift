// The table against a dictionary, under operations by chance and with hashes that collide on purpose.

import TestSupport
import Testing

@testable import Traffic

@Suite struct ConnectionTableTests {
    static func segment(_ number: Int, turned: Bool = false, tunnel: UInt32 = 0) -> Segment {
        let one = Endpoint(address: IPAddress(v4: 0x0a00_0000 + UInt32(number)), port: 1000)
        let other = Endpoint(address: IPAddress(v4: 0x0b00_0000), port: 80)
        return Segment(
            source: turned ? other : one, destination: turned ? one : other, sequence: 0, acknowledgment: 0,
            flags: [.syn], window: 0, payload: 0..<0, tunnel: tunnel)
    }

    static func connection(_ number: Int, time: Int64 = 0, tunnel: UInt32 = 0) -> TCPConnection {
        let mark = Arrival(packet: 1, time: Timestamp(nanoseconds: time), heard: nil)
        return TCPConnection(segment(number, tunnel: tunnel), id: UInt64(number), mark: mark)
    }

    /// One home for all, homes side by side at the end of the table, and the hash that is really used.
    enum Hashing: CaseIterable { case one, few, atTheEnd, real }

    static func hash(_ number: Int, _ hashing: Hashing, in table: borrowing ConnectionTable) -> UInt32 {
        switch hashing {
        case .one: UInt32(number) << 20 | 5
        case .few: UInt32(number) << 20 | UInt32(number % 7)
        case .atTheEnd: 0xffff_fff0 + UInt32(number % 16)
        case .real: table.hash(segment(number))
        }
    }

    @Test(arguments: Hashing.allCases) func itIsADictionary(hashing: Hashing) {
        var table = ConnectionTable()
        var model: [Int: Int] = [:]
        var chance = SeededNumbers(seed: 99)
        let numbers = hashing == .real ? 2000 : 100
        for step in 0..<(hashing == .real ? 8_000 : 2_000) {
            let number = Int(chance.next() % UInt64(numbers))
            let hash = Self.hash(number, hashing, in: table)
            let found = table.find(Self.segment(number, turned: step % 2 == 0), hash: hash)
            if found != model[number] { Issue.record("\(number): \(String(describing: found))") }
            if let index = found, chance.next() % 2 == 0 {
                let id = table[index].id
                #expect(id == UInt64(number))
                table.remove(index)
                let isLive = table.isLive(index)
                #expect(!isLive)
                model[number] = nil
            } else if found == nil {
                model[number] = table.insert(Self.connection(number), Self.segment(number), hash: hash)
            }
        }
        let (count, live) = (table.count, table.liveIndices)
        #expect(count == model.count)
        for number in 0..<numbers {
            let found = table.find(Self.segment(number), hash: Self.hash(number, hashing, in: table))
            #expect(found == model[number])
        }
        #expect(Set(live) == Set(model.values))
    }

    @Test func bothDirectionsMeetAndTunnelsDoNot() {
        var table = ConnectionTable()
        let (hash, turned) = (table.hash(Self.segment(1)), table.hash(Self.segment(1, turned: true)))
        #expect(hash == turned)
        let index = table.insert(Self.connection(1), Self.segment(1), hash: 1)
        let found = [
            table.find(Self.segment(1), hash: 1), table.find(Self.segment(1, tunnel: 1), hash: 1),
            table.find(Self.segment(2), hash: 1),
        ]
        #expect(found == [index, nil, nil])
    }

    /// Flows that were chosen because they meet in one table are scattered in another.
    @Test func nobodyKnowsWhichFlowsMeet() {
        let known = ConnectionTable(seed: 1)
        let meeting = (0..<200_000).filter { known.hash(Self.segment($0)) & 0xfff == 0 }
        #expect(meeting.count > 20)
        let other = ConnectionTable()
        let homes = Set(meeting.map { other.hash(Self.segment($0)) & 0xfff })
        #expect(homes.count > meeting.count / 2)
    }

    @Test func placesAreUsedAgain() {
        var table = ConnectionTable()
        for round in 0..<10_000 {
            let index = table.insert(
                Self.connection(round), Self.segment(round), hash: Self.hash(round, .real, in: table))
            table.remove(index)
        }
        let places = table.places
        let count = table.count
        #expect(places == 1 && count == 0)
    }

    @Test func theHandGoesRound() {
        var table = ConnectionTable()
        let nobody = table.next()
        #expect(nobody == nil)
        for number in 0..<10 {
            _ = table.insert(Self.connection(number), Self.segment(number), hash: Self.hash(number, .real, in: table))
        }
        table.remove(4)
        let met = (0..<table.places).map { _ in table.next() }
        #expect(met.compactMap { $0 }.sorted() == [0, 1, 2, 3, 5, 6, 7, 8, 9])
    }
}
