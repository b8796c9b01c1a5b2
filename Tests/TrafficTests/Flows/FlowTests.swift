// Flows through the whole analyzer: copies of them, parts of them, and what link layers do to packets.

import TestSupport
import Testing

@testable import Traffic

@Suite struct FlowTests {
    /// A session that switches and says hello.
    static func session(
        _ start: Talk, isWhole: Bool = true, bytes: [UInt8] = hex("8182 00000000 6869")
    ) -> Talk {
        var talk = start
        if isWhole { talk.open() }
        talk.client(webSocketRequest)
        talk.server(webSocketAnswer)
        talk.client(bytes)
        talk.close()
        return talk
    }

    // MARK: Copies

    @Test func aFlowInAVLANAndOutsideIsOne() throws {
        for vlans: [Int?] in [[nil, 100], [100, nil], [100, 200]] {
            let found = Self.session(Talk(vlans: vlans)).told()
            #expect(found.told.exchanges.count == 1, "\(vlans)")
            #expect(found.counters.exchanges == 1)
            let exchange = try #require(found.told.exchanges.first)
            #expect(exchange.switched.client.bytes == 8)
            #expect(found.told.connections.count == 2)
            let original = try #require(found.told.connections.first)
            let copy = try #require(found.told.connections.last)
            #expect(original.copyOf == nil && copy.copyOf == original.facts.id)
            #expect(original.copiesUnder == [vlans[1].map { "vlan \($0)" } ?? ""])
            #expect(original.firstDuplicate?.original.packet == 1 && original.firstDuplicate?.copy.packet == 2)
            #expect(copy.requests == 0 && copy.exchanges == 0)
        }
    }

    @Test func aFlowWithoutSYNInTwoVLANsIsOne() {
        let found = Self.session(Talk(vlans: [100, 200]), isWhole: false).told()
        #expect(found.told.exchanges.count == 1)
        #expect(found.told.connections.map { $0.copyOf != nil } == [false, true])
    }

    @Test func aCopyThatBeginsWithABareAcknowledgmentIsFound() {
        var talk = Talk(vlans: [nil, 100])
        talk.send(.client, flags: .ack)
        let found = Self.session(talk, isWhole: false).told()
        #expect(found.told.exchanges.count == 1)
        #expect(found.told.connections.map { $0.copyOf != nil } == [false, true])
    }

    @Test func threeCopies() {
        let found = Self.session(Talk(vlans: [1, 2, 3, nil])).told()
        #expect(found.told.exchanges.count == 1)
        #expect(found.told.connections.map { $0.copyOf != nil } == [false, true, true, true])
        #expect(found.told.connections.first?.copiesUnder == ["vlan 2", "vlan 3", ""])
    }

    @Test func theSameAddressesWithOtherSequenceNumbersAreTwo() {
        let one = Self.session(Talk(vlans: [100]))
        let two = Self.session(Talk(sequences: (70_000, 90_000), vlans: [200]))
        let found = (one + two).told()
        #expect(found.told.exchanges.count == 2)
        #expect(found.told.connections.allSatisfy { $0.copyOf == nil })
    }

    @Test func theSameSequenceNumbersMuchLaterAreTwo() {
        let found = (Self.session(Talk(vlans: [100])) + Self.session(Talk(vlans: [200], after: 60))).told()
        #expect(found.told.exchanges.count == 2)
    }

    /// A mirror port that tags what it sends but not what it receives: one direction is whole, the other doubled.
    @Test func aDirectionThatOnlyTheCopyHas() throws {
        let found = Self.session(Talk(vlans: [100, nil], sides: [[.client], [.client, .server]])).told()
        #expect(found.told.exchanges.map { $0.outcome } == [.switched])
        #expect(found.told.connections.map { $0.copyOf != nil } == [false, true])
    }

    // MARK: Parts

    @Test(arguments: [2, 3, 16]) func partsAreTheWhole(count: Int) {
        var all = Talk(port: 1)
        for port in 40000..<40200 {
            let start = Talk(port: port, vlans: port % 3 == 0 ? [nil, 7] : [nil], after: Int64(port % 7))
            all = all + Self.session(start, isWhole: port % 5 != 0)
        }
        let whole = all.told()
        var exchanges: [ExchangeKey] = []
        var connections: [UInt64] = []
        var counters = TrafficCounters()
        for index in 0..<count {
            var options = AnalyzerOptions()
            options.shard = Shard(index: index, count: count)
            let part = all.told(options)
            #expect(count > 3 || part.told.connections.count > 10)
            exchanges += part.told.exchanges.map { $0.key }
            connections += part.told.connections.map { $0.facts.id }
            counters.add(part.counters)
        }
        #expect(exchanges.sorted() == whole.told.exchanges.map { $0.key })
        #expect(connections.sorted() == whole.told.connections.map { $0.facts.id })
        #expect(counters.packets == whole.counters.packets)
        #expect(counters.connections == whole.counters.connections)
        #expect(counters.requests == whole.counters.requests && counters.exchanges == 200)
    }

    @Test func whatIsNoFlowIsCountedOnce() {
        let junk = [ethernet(0x0806, [0, 1]), ethernet(0x0800, ip4([1, 2, 3], protocolNumber: 17)), [1, 2, 3]]
        var sum = TrafficCounters()
        for index in 0..<4 {
            var options = AnalyzerOptions()
            options.shard = Shard(index: index, count: 4)
            var analyzer = Analyzer(options: options, output: Listener())
            analyzer.receive(junk.map { TimedPacket(time: 0, bytes: $0) })
            sum.add(analyzer.counters)
        }
        #expect(sum.packets == 3 && sum.notIP == 1 && sum.notTCP == 1 && sum.malformed == 1)
        #expect(sum.kinds.byName.values.reduce(0, +) == 3)
    }

    // MARK: What link layers do

    @Test func anIPLengthOf0IsTheWholePacket() {
        var talk = Talk()
        talk.open()
        talk.send(.client, Array(webSocketRequest.utf8), statedLength: 0)
        talk.send(.server, Array(webSocketAnswer.utf8), statedLength: 0)
        let found = talk.told().told
        #expect(found.exchanges.map { $0.outcome } == [.switched])
        #expect(found.connections.first?.streams.client.bytes == Int64(webSocketRequest.utf8.count))
    }

    @Test func paddingIsNoData() {
        var talk = Talk()
        talk.open()
        talk.client(webSocketRequest)
        talk.send(.server, flags: .ack, trailer: [0, 0, 0, 0, 0, 0])
        talk.server(webSocketAnswer)
        talk.send(.client, hex("8180 00000000"), trailer: [0xff, 0xff])
        let exchange = talk.told().told.exchanges.first
        #expect(exchange?.outcome == .switched)
        #expect(exchange?.switched.client.bytes == 6 && exchange?.switched.server.bytes == 0)
    }

    @Test func aSnappedPacketLeavesAGap() throws {
        var talk = Talk()
        talk.open()
        talk.client(webSocketRequest)
        talk.server(webSocketAnswer)
        talk.send(.client, hex("827e 0100 00000000") + [UInt8](repeating: 7, count: 256), snapped: 200)
        talk.client(hex("8180 00000000"))
        talk.close()
        let told = talk.told().told
        let record = try #require(told.connections.first)
        #expect(record.streams.client.gapBytes == 200)
        #expect(record.streams.client.bytes == Int64(webSocketRequest.utf8.count) + 64 + 6)
        #expect(record.firstGap?.length == 200)
    }

    /// A request that was held is read when the answer shows that bytes before it are missing: the answer is read still.
    @Test func whatWasHeldIsReadBeforeTheAnswer() {
        for length in [0, 10, 300] {
            var talk = Talk()
            talk.open()
            talk.send(.client, Array("GET /lost HTTP/1.1\r\nHost: example.org\r\n\r\n".utf8), snapped: 20)
            talk.client(webSocketRequest)
            let target = String(repeating: "a", count: length)
            talk.client("GET /\(target) HTTP/1.1\r\nHost: example.org\r\n\r\n")
            talk.server(webSocketAnswer)
            let switched = talk.told().told.exchanges.filter { $0.outcome == .switched }
            #expect(switched.map { $0.response?.bytes } == [Array(webSocketAnswer.utf8)], "\(length)")
        }
    }
}
