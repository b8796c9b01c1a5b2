// The samples of the repository say what they are said to say, and together they show everything: every
// outcome and every rule of the catalogue's core.

import Foundation
import Ground
import Inspection
import TestSupport
import Testing
import Traffic

@Suite struct SamplesTests {

    /// The core rules that one connection in clear can show.
    static let coreRules = [
        "UPG001", "RES001", "RES003", "RES005", "RES010", "EARLY001", "EARLY002", "EARLY003", "EARLY004", "EARLY005",
        "WS009", "WS011", "WS014", "WSF001", "WSF004", "WSF010", "CON001", "CON002", "SMG002", "SMG005", "SMG007",
        "SMG008", "H2C001", "H2C010",
        "CAP001", "CAP002", "CAP003", "CAP004", "CAP005", "CAP006",
    ]

    @Test func eachSampleShowsWhatItIsNamedFor() throws {
        for sample in SharedMaterial.captures(in: SharedMaterial.samples) {
            let name = sample.lastPathComponent
            let expected = try JSONValue(contentsOf: SharedMaterial.truth(for: sample))
            let analysis = Analysis.of(sample)
            #expect(analysis.refusal == nil, "\(name)")
            #expect(analysis.captures.first?.complete == true, "\(name)")
            let exchanges = analysis.exchanges.map { found in
                let request = found.exchange.request.map { "\($0.method.text) \($0.target.text)" } ?? "none"
                return "\(request), \(found.exchange.response?.status ?? 0), \(found.exchange.outcome.name)"
            }
            let wanted = expected["exchanges"].array.map { exchange in
                let request = exchange["request"].string ?? "none"
                return "\(request), \(exchange["status"].int ?? 0), \(exchange["outcome"].string ?? "")"
            }
            #expect(exchanges == wanted, "\(name)")
            #expect(analysis.rules.sorted() == expected["rules"].strings, "\(name)")
        }
    }

    @Test func togetherTheyShowEveryOutcomeAndEveryCoreRule() throws {
        var outcomes: Set<String> = []
        var rules: Set<String> = []
        let samples = SharedMaterial.captures(in: SharedMaterial.samples)
        #expect((12...20).contains(samples.count))
        for sample in samples {
            let analysis = Analysis.of(sample)
            outcomes.formUnion(analysis.exchanges.map { $0.exchange.outcome.name })
            rules.formUnion(analysis.rules)
        }
        for outcome in Outcome.allCases {
            #expect(outcomes.contains(outcome.name), "no sample shows an exchange that was \(outcome.name)")
        }
        for rule in Self.coreRules {
            #expect(rules.contains(rule), "no sample shows \(rule)")
        }
    }

    @Test func eachSampleHasItsLine() throws {
        let text = try String(contentsOf: SharedMaterial.samples.appending(path: "README.md"), encoding: .utf8)
        for sample in SharedMaterial.captures(in: SharedMaterial.samples) {
            #expect(
                text.contains("`\(sample.lastPathComponent)`"),
                "samples/README.md does not name \(sample.lastPathComponent)")
        }
    }
}
