// Every rule in captures of real programs: one that shows it, where there is one, and one that comes close; and, so that
// a rule that newly speaks anywhere is noticed, what all rules find in all captures (`rules-in-captures.txt`).
//
// Rows of wire bytes show what a rule means (`Tests/InspectionTests/Rows`); these show that programs do it. The table is
// made by the test itself, and every line of it that changes has to be argued for in review:
//
//     UPGRADESCOPE_RECORD=1 swift test --filter RulesInCapturesTests

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

struct CaptureRow {
    var rule: String
    /// A capture in which the rule speaks; `nil` where none of them does.
    var shows: String?
    /// A capture that comes close, and in which it is silent.
    var near: String

    init(_ rule: String, _ shows: String?, near: String) {
        self.rule = rule
        self.shows = shows
        self.near = near
    }
}

private let rows: [CaptureRow] = [
    CaptureRow("UPG001", "B15e-no-connection", near: "B15b-multi-connection-headers"),
    CaptureRow("UPG002", "B15f-connection-only", near: "A15-chromium-page-and-ws-same-port"),
    CaptureRow("UPG003", nil, near: "B15c-upgrade-list"),
    CaptureRow("UPG004", "B14h-http10-request", near: "B14g-103-then-101"),
    CaptureRow("UPG005", nil, near: "K02-kubernetes-spdy"),
    CaptureRow("UPG006", "D09-upgrade-h2-cleartext", near: "D01a-h2c-nghttpd"),
    CaptureRow("UPG007", "B15g-body-contentlength", near: "D01c-h2c-apache"),
    CaptureRow("UPG008", "B15i-body-to-real-server", near: "E02-cups-tls-upgrade"),
    CaptureRow("UPG009", nil, near: "D08-curl-post-h2c"),
    CaptureRow("UPG010", nil, near: "B14f-100-then-101"),
    CaptureRow("RES001", "B14a-101-without-upgrade", near: "A06-py-mixed"),
    CaptureRow("RES002", "B14d-101-without-connection", near: "B03-426-required"),
    CaptureRow("RES003", "B14c-101-not-offered", near: "E02-cups-tls-upgrade"),
    CaptureRow("RES004", "E02-cups-tls-upgrade", near: "B15c-upgrade-list"),
    CaptureRow("RES005", "B14b-101-unsolicited", near: "B14f-100-then-101"),
    CaptureRow("RES006", "B14h-http10-request", near: "B14i-http10-to-real-server"),
    CaptureRow("RES007", "E02-cups-tls-upgrade", near: "B14f-100-then-101"),
    CaptureRow("RES008", nil, near: "B14g-103-then-101"),
    CaptureRow("RES009", nil, near: "B15g-body-contentlength"),
    CaptureRow("RES010", "B14j-426-without-upgrade", near: "B03-426-required"),
    CaptureRow("RES011", nil, near: "B14f-100-then-101"),
    CaptureRow("RES012", nil, near: "F09-server-frame-with-101"),
    CaptureRow("RES013", "B01-refused-301", near: "B01-refused-403"),
    CaptureRow("RES014", "B01-refused-401", near: "B01-refused-404"),
    CaptureRow("RES015", "D05-apache-advertises-h2c", near: "A10-aiohttp-keepalive-then-ws"),
    CaptureRow("EARLY001", "F01c-optimistic-accepted-node", near: "F09-server-frame-with-101"),
    CaptureRow("EARLY002", "K04-connect-udp-optimistic", near: "K03-connect-udp"),
    CaptureRow("EARLY003", nil, near: "K01-docker-exec"),
    CaptureRow("EARLY004", "F02b-optimistic-refused-smuggle-apache", near: "B01-refused-403"),
    CaptureRow("EARLY005", "F02b-optimistic-refused-smuggle-apache", near: "F04-optimistic-refused-closed"),
    CaptureRow("EARLY006", nil, near: "E02-cups-tls-upgrade"),
    CaptureRow("EARLY007", nil, near: "D01c-h2c-apache"),
    CaptureRow("EARLY008", "F01a-optimistic-accepted-pyws", near: "F09-server-frame-with-101"),
    CaptureRow("WS001", nil, near: "A06-py-mixed"),
    CaptureRow("WS002", "suricata-verify--websocket-control-frag", near: "zeek--broker-websocket"),
    CaptureRow("WS004", nil, near: "A06-py-mixed"),
    CaptureRow("WS005", "B02-bad-version", near: "A06-py-mixed"),
    CaptureRow("WS006", nil, near: "A11-ipv6"),
    CaptureRow("WS007", "A08-node-client", near: "A09-java-client"),
    CaptureRow("WS008", nil, near: "A04-chromium-subprotocol"),
    CaptureRow("WS009", "B05-wrong-accept", near: "A09-java-client"),
    CaptureRow("WS010", "B06-unoffered-subprotocol", near: "A04-chromium-subprotocol"),
    CaptureRow("WS011", "B07-unoffered-extension", near: "A01-chromium-pyws-basic"),
    CaptureRow("WS012", nil, near: "zeek--wstunnel-ssh"),
    CaptureRow("WS013", "B02-bad-version", near: "B01-refused-403"),
    CaptureRow("WS014", "B15i-body-to-real-server", near: "B14i-http10-to-real-server"),
    CaptureRow("WS015", "B14d-101-without-connection", near: "B05-wrong-accept"),
    CaptureRow("WS017", "B02-bad-version", near: "A06-py-mixed"),
    CaptureRow("WSF001", "B08-unmasked-client", near: "A06-py-mixed"),
    CaptureRow("WSF002", "B09-masked-server", near: "A06-py-mixed"),
    CaptureRow("WSF003", nil, near: "A12-many-200"),
    CaptureRow("WSF004", "B10-rsv-bits", near: "A01-chromium-pyws-basic"),
    CaptureRow("WSF005", "B16a-reserved-opcode", near: "A06-py-mixed"),
    CaptureRow("WSF006", "B16h-nonminimal-length", near: "A07-py-1MB"),
    CaptureRow("WSF007", "B16b-control-too-long", near: "suricata-verify--websocket-control-frag"),
    CaptureRow("WSF008", "B16d-bad-continuation", near: "zeek--two-binary-fragments"),
    CaptureRow("WSF009", "B16e-data-interleaved", near: "suricata-verify--websocket-control-frag"),
    CaptureRow("WSF010", "B16f-invalid-utf8", near: "A01-chromium-pyws-basic"),
    CaptureRow("WSF011", "B16g-bad-close-code", near: "B11-close-4001"),
    CaptureRow("WSF012", "B16j-data-after-close", near: "A06-py-mixed"),
    CaptureRow("WSF013", "zeek--broker-websocket", near: "A06-py-mixed"),
    CaptureRow("WSF014", "B12-abrupt-rst", near: "A06-py-mixed"),
    CaptureRow("WSF015", nil, near: "A06-py-mixed"),
    CaptureRow("WSF016", nil, near: "zeek--reply-ping-coalesced"),
    CaptureRow("WSF017", "nDPI--1kxun", near: "A06-py-mixed"),
    CaptureRow("WSF018", nil, near: "A07-py-1MB"),
    CaptureRow("WSF019", nil, near: "B08-unmasked-client"),
    CaptureRow("WSF020", nil, near: "A10-aiohttp-keepalive-then-ws"),
    CaptureRow("WSD001", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD002", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD003", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD004", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD005", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD006", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD007", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD008", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("WSD009", nil, near: "A01-chromium-pyws-basic"),
    CaptureRow("H2C001", "D01a-h2c-nghttpd", near: "D03-h2c-prior-knowledge"),
    CaptureRow("H2C002", "D04-http2-settings-double-apache", near: "D01c-h2c-apache"),
    CaptureRow("H2C003", "D04-http2-settings-invalid-apache", near: "D01c-h2c-apache"),
    CaptureRow("H2C004", "D04-http2-settings-double-apache", near: "D04-http2-settings-missing-apache"),
    CaptureRow("H2C005", nil, near: "D01c-h2c-apache"),
    CaptureRow("H2C006", nil, near: "D01c-h2c-apache"),
    CaptureRow("H2C007", nil, near: "D01c-h2c-apache"),
    CaptureRow("H2C008", nil, near: "D09-upgrade-h2-cleartext"),
    CaptureRow("H2C010", "D01c-h2c-apache", near: "D01a-h2c-nghttpd"),
    CaptureRow("CON001", "F05a-connect-early-clienthello-squid", near: "G01-connect-200-squid"),
    CaptureRow("CON002", "F06-connect-refused-smuggle-squid-403", near: "G02-connect-403-tinyproxy"),
    CaptureRow("CON003", "G06-connect-2xx-with-length", near: "G01-connect-200-squid"),
    CaptureRow("CON004", nil, near: "G01-connect-200-squid"),
    CaptureRow("CON005", nil, near: "G01-connect-200-squid"),
    CaptureRow("CON006", "G01-connect-200-squid", near: "G02-connect-403-squid"),
    CaptureRow("CON007", nil, near: "G05-ws-in-connect-squid"),
    CaptureRow("SMG002", nil, near: "B15h-body-chunked"),
    CaptureRow("SMG003", "B15d-obs-fold", near: "B15b-multi-connection-headers"),
    CaptureRow("SMG004", nil, near: "B15b-multi-connection-headers"),
    CaptureRow("SMG005", nil, near: "B01-refused-403"),
    CaptureRow("SMG006", nil, near: "B14b-101-unsolicited"),
    CaptureRow("SMG007", "A01-chromium-pyws-basic", near: "A06-py-mixed"),
    CaptureRow("SMG008", "ndn-tools--ipv4-websocket-segmented", near: "lab--wsapp"),
    CaptureRow("SMG009", nil, near: "A10-aiohttp-keepalive-then-ws"),
    CaptureRow("SMG010", "B15c-upgrade-list", near: "B15a-connection-keepalive-upgrade"),
    CaptureRow("CAP001", "L04-one-direction-client", near: "A06-py-mixed"),
    CaptureRow("CAP002", "L05-capture-drops", near: "L01a-bad-network-loss"),
    CaptureRow("CAP003", "L03-mid-connection", near: "L05-full"),
    CaptureRow("CAP004", "L04-one-direction-client", near: "F08-optimistic-slow-101"),
    CaptureRow("CAP005", "L01c-bad-network-duplicate", near: "L01b-bad-network-reorder"),
    CaptureRow("CAP006", "H05-wss-no-keys", near: "A06-py-mixed"),
]

@Suite struct RulesInCapturesTests {
    private static let tableFile = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "rules-in-captures.txt")
    private static let heading = """
        # What each rule finds in each capture: rule, how many findings, and their levels (error, warning, note).
        # Made by RulesInCapturesTests with UPGRADESCOPE_RECORD=1; a capture in which none speaks has its line as well.
        """

    @Test(.timeLimit(.minutes(30))) func everyRuleSpeaksWhereItIsKnownToSpeakAndNowhereElse() throws {
        guard let lab = SharedMaterial.captures(of: "lab", for: "rules in captures"),
            let others = SharedMaterial.captures(of: "third-party", for: "rules in captures")
        else { return }
        var spoken: [String: Set<String>] = [:]
        var table: [String] = []
        for (folder, captures) in [("lab", lab), ("third-party", others)] {
            for capture in captures {
                let analysis = Analysis.of(capture)
                let name = String(capture.lastPathComponent.prefix { $0 != "." })
                spoken[name, default: []].formUnion(analysis.rules)
                table.append(Self.line("\(folder)/\(capture.lastPathComponent)", analysis))
            }
        }
        for row in rows {
            if let shows = row.shows {
                #expect(spoken[shows]?.contains(row.rule) == true, "\(row.rule) is silent in \(shows)")
            }
            let near = try #require(spoken[row.near], "no capture \(row.near)")
            #expect(!near.contains(row.rule), "\(row.rule) speaks in \(row.near)")
        }
        let named = Set(rows.map(\.rule))
        // What several exchanges show together has captures of its own in the tests of the program.
        let mine = Catalogue.all.map(\.id).filter { Self.families.contains(Self.family(of: $0)) }
            .filter { !["WS003", "WS016", "SMG001"].contains($0) }
        #expect(Set(mine).subtracting(named).isEmpty, "without a row")
        try compare(table)
    }

    /// "lab/A06-py-mixed.pcapng: CAP005 1 note, WSF017 2 note".
    private static func line(_ name: String, _ analysis: Analysis) -> String {
        var counts: [String: [Level: Int]] = [:]
        for finding in analysis.exchanges.flatMap(\.findings) + analysis.connections.flatMap(\.findings) {
            counts[finding.rule, default: [:]][finding.level, default: 0] += 1
        }
        let words = counts.sorted { $0.key < $1.key }.map { rule, levels in
            let numbers = [Level.error, .warning, .note].compactMap { level in
                levels[level].map { "\($0) \(level.name)" }
            }
            return "\(rule) \(numbers.joined(separator: " "))"
        }
        let damage = analysis.refusal == nil ? "" : " (cannot be read)"
        return "\(name)\(damage): " + (words.isEmpty ? "-" : words.joined(separator: ", "))
    }

    private func compare(_ table: [String]) throws {
        if let wish = ProcessInfo.processInfo.environment["UPGRADESCOPE_RECORD"], !wish.isEmpty {
            let text = Self.heading + "\n" + table.joined(separator: "\n") + "\n"
            try Data(text.utf8).write(to: Self.tableFile)
            return print("wrote \(Self.tableFile.lastPathComponent): \(table.count) captures")
        }
        let text = String(decoding: try Data(contentsOf: Self.tableFile), as: UTF8.self)
        let known = text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
        let (now, before) = (Set(table), Set(known))
        for line in known where !now.contains(line) { Issue.record("no longer so: \(line)") }
        for line in table where !before.contains(line) { Issue.record("newly so: \(line)") }
    }

    /// The families that one connection in clear text decides.
    private static let families: Set<String> = [
        "UPG", "RES", "EARLY", "WS", "WSF", "WSD", "CON", "CAP", "SMG",
    ]

    private static func family(of rule: String) -> String { String(rule.prefix { $0.isLetter }) }
}
