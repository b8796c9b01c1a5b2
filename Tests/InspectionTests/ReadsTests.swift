// What is judged before an exchange has ended derives from what its rules read, and from nothing else.

import TestSupport
import Testing
import Traffic

@_spi(Judging) @testable import Inspection

@Suite struct ReadsTests {
    /// What a live capture reports before the end; a rule that was added since is in neither list.
    static let early = """
        UPG001 UPG002 UPG003 UPG004 UPG005 UPG006 UPG007 UPG008 UPG009 UPG010
        RES001 RES002 RES003 RES004 RES005 RES006 RES007 RES008 RES009 RES010 RES011 RES012 RES013 RES014 RES015
        WS001 WS002 WS004 WS005 WS006 WS007 WS008 WS009 WS010 WS011 WS012 WS013 WS014 WS015 WS017
        WSF001 WSF002 WSF004 WSF006 WSF007 WSF008 WSF009 WSF010 WSF011 WSF012 WSF018
        WSD004 WSD005 WSD006 WSD007 WSD008 WSD009
        """
    static let late = """
        CAP001 CAP002 CAP003 CAP004 CAP005 CAP006
        CON001 CON002 CON003 CON004 CON005 CON006 CON007
        EARLY001 EARLY002 EARLY003 EARLY004 EARLY005 EARLY006 EARLY007 EARLY008
        H2C001 H2C002 H2C003 H2C004 H2C005 H2C006 H2C007 H2C008 H2C010
        SMG002 SMG003 SMG004 SMG005 SMG006 SMG007 SMG008 SMG009 SMG010
        WSF003 WSF005 WSF013 WSF014 WSF015 WSF016 WSF017 WSF019 WSF020
        WSD001 WSD002 WSD003 WS003 WS016 TLS004
        """

    @Test func whatIsReportedBeforeTheEndIsWhatItWas() {
        func rules(_ text: String) -> Set<String> { Set(text.split(whereSeparator: \.isWhitespace).map(String.init)) }
        let early = Set(Catalogue.all.filter(\.reads.areKnownEarly).map(\.id))
        #expect(rules(Self.early).subtracting(early) == [])
        #expect(rules(Self.late).intersection(early) == [])
        #expect(rules(Self.early).union(rules(Self.late)).subtracting(Catalogue.all.map(\.id)) == [])
    }

    typealias Row = (name: String, reads: Reads?, isEarly: Bool)

    static let rows: [Row] = [
        ("nothing said", nil, false),
        ("heads", .heads, true),
        ("frames", .frames, true),
        ("heads and frames", [.heads, .frames], true),
        ("heads and time", [.heads, .time], false),
        ("heads and neighbours", [.heads, .neighbours], false),
    ]

    /// The entry is all there is to write, whatever the rule reads and however it is named.
    @Test(arguments: rows.named(\.name))
    func aNewRuleIsOneEntry(_ row: Named<Row>) {
        let row = row.value
        for id in ["WS999", "NEW001"] {
            let inspector = Inspector([Self.rule(id, reads: row.reads)])
            let exchange = Wire.run([.client(.ws), .server(.wsAnswer)]).exchanges[0]
            #expect(inspector.judge(exchange).findings.map(\.rule) == [id])
            #expect(inspector.judgeSoFar(exchange).findings.map(\.rule) == (row.isEarly ? [id] : []))
        }
    }

    @Test func whatSeveralExchangesShowReadsNeighbours() {
        for rule in Catalogue.all {
            #expect(rule.reads.contains(.neighbours) == (rule.correlates != nil), "\(rule.id)")
        }
    }

    private static func rule(_ id: String, reads: Reads?) -> Rule {
        Rule(
            id, "new-rule", .note, .client, reads: reads ?? .exchange, source: "-", title: "New", requirement: "-",
            detect: "-", why: "-", fix: "-", trigger: "-", nearMiss: "-", when: [.upgradeField]
        ) { it in [it.found("A new rule has found something.", at: [it.requestLine])] }
    }
}
