// Whose a packet was: what a recorder is told.

import TestSupport
import Testing
import Traffic

@Suite struct OwnerTests {
    private static func owners(_ talk: Talk, _ options: AnalyzerOptions) -> [PacketOwner] {
        var analyzer = Analyzer(options: options, output: Listener())
        var owners: [PacketOwner] = []
        talk.feed(&analyzer) { owners.append($0.lastOwner) }
        analyzer.finish()
        return owners
    }

    private static func statuses(_ talk: Talk) -> [ConnectionStatus] {
        var options = AnalyzerOptions()
        options.tellsOwners = true
        return owners(talk, options).compactMap { owner in
            if case .connection(let status) = owner { status } else { nil }
        }
    }

    @Test func anExchangeIsToldOfFromItsRequestOn() {
        var talk = Talk()
        talk.open()
        talk.client("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        talk.server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        talk.client(webSocketRequest)
        talk.server(webSocketAnswer)
        talk.close()
        let statuses = Self.statuses(talk)
        #expect(statuses.map(\.carriesExchange) == [false, false, false, false, false, true, true, true, true, true])
        #expect(statuses.map(\.hasSpoken) == [false, false, false, true, true, true, true, true, true, true])
        #expect(statuses.prefix(5).allSatisfy { $0.mayCarryExchange })
        #expect(Set(statuses.map(\.id)).count == 1)
    }

    @Test func whatIsNoHTTPCarriesNone() {
        var talk = Talk()
        talk.open()
        talk.client([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0])
        talk.server("anything")
        let statuses = Self.statuses(talk)
        #expect(statuses.map(\.mayCarryExchange) == [true, true, true, false, false])
    }

    @Test func nothingIsToldUnlessAskedFor() {
        var talk = Talk()
        talk.open()
        #expect(Self.owners(talk, AnalyzerOptions()) == [.nobody, .nobody, .nobody])
    }

    @Test func aCopyNamesItsOriginal() {
        var talk = Talk(vlans: [nil, 7])
        talk.open()
        talk.client(webSocketRequest)
        talk.server(webSocketAnswer)
        let statuses = Self.statuses(talk)
        #expect(statuses.count == 10)
        #expect(statuses.last?.copyOf == statuses.first?.id)
    }
}
