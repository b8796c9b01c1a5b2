// Ours against the truth, fact by fact, with a count for each kind of fact and a list of what differs.

import Foundation
import Ground
import Inspection
import Traffic

/// One fact on which ours and the truth differ.
struct Difference: Hashable {
    var file: String
    /// Which exchange or stream: the number in the truth and its request; empty for the whole capture.
    var exchange: String
    var fact: String
    var ours: String
    var theirs: String
}

/// How many facts of one kind were compared, and how many agree.
struct Agreement {
    var agreed = 0
    var total = 0
}

/// The result over all captures.
struct Comparison {
    private(set) var agreements: [String: Agreement] = [:]
    private(set) var differences: [Difference] = []
    /// What later parts bring, by name.
    private(set) var pending: [String: Int] = [:]
    /// Facts that the truth itself does not state.
    private(set) var notes: [String: Int] = [:]
    let implemented: Set<String>

    init(implemented: Set<String>) { self.implemented = implemented }

    mutating func wait(for name: String) { pending[name, default: 0] += 1 }
    mutating func note(_ name: String) { notes[name, default: 0] += 1 }

    mutating func compare(
        _ kind: String, file: String, exchange: String = "", fact: String, ours: String?, theirs: String
    ) {
        let ours = ours ?? "absent"
        agreements[kind, default: Agreement()].total += 1
        if ours == theirs {
            agreements[kind, default: Agreement()].agreed += 1
        } else {
            differences.append(
                Difference(file: file, exchange: exchange, fact: fact, ours: ours, theirs: theirs))
        }
    }

    // MARK: A capture

    mutating func add(_ analysis: Analysis, truth: Truth, file: String) {
        let ours: [String: String] = [
            "packets": "\(analysis.counters.packets)",
            "tcp_streams": "\(analysis.counters.connections)",
            "http_requests": "\(analysis.counters.requests)",
            "tls_connections": "\(analysis.counters.encryptedConnections)",
            "snap_truncated_packets": "\(analysis.captures.reduce(0) { $0 + $1.snappedPackets })",
            "reader_error": analysis.wasDamaged ? "yes" : "no",
        ]
        for (fact, theirs) in truth.facts.sorted(by: { $0.key < $1.key }) {
            compare("captures.\(fact)", file: file, fact: fact, ours: ours[fact], theirs: theirs)
        }
        compareExchanges(analysis, truth: truth, file: file)
        compareStreams(analysis, truth: truth, file: file)
    }

    // MARK: Exchanges

    private mutating func compareExchanges(_ analysis: Analysis, truth: Truth, file: String) {
        var ours: [String: [(exchange: Exchange, findings: [Finding])]] = [:]
        for found in analysis.exchanges {
            let facts = found.exchange.connection
            ours["\(plain(facts.client))>\(plain(facts.server))", default: []].append(found)
        }
        for theirs in truth.exchanges {
            let pair = "\(theirs.client)>\(theirs.server)"
            let name = "\(theirs.number) \(theirs.method) \(theirs.target)"
            let candidates = ours[pair] ?? []
            let match = candidates.firstIndex { candidate in
                guard let request = candidate.exchange.request else { return theirs.method.isEmpty }
                return request.method.text == theirs.method && request.target.text == theirs.target
            }
            if let pending = theirs.pending, match == nil || !theirs.mayBeSeen {
                wait(for: pending)
                continue
            }
            guard let match else {
                if theirs.mayBeAbsent {
                    note("entries of the truth that are no exchange by definition A (no offer, no 101)")
                    // What is wrong with them is reported of their connection.
                    let rules = analysis.connections.filter {
                        "\(plain($0.record.facts.client))>\(plain($0.record.facts.server))" == pair
                    }.flatMap { $0.findings.map(\.rule) }
                    for violation in theirs.violations where violation.sure {
                        compare(
                            "violations.sure", file: file, exchange: name, fact: "violation \(violation.name)",
                            ours: violation.rules.contains { rules.contains($0) } ? "found" : nil, theirs: "found")
                    }
                } else {
                    compare("exchanges", file: file, exchange: name, fact: "exchange", ours: nil, theirs: "present")
                }
                continue
            }
            let found = candidates[match]
            ours[pair]?.remove(at: match)
            compare("exchanges", file: file, exchange: name, fact: "exchange", ours: "present", theirs: "present")
            let facts = comparableFacts(of: found.exchange)
            for (fact, expected) in theirs.facts.sorted(by: { $0.key < $1.key }) {
                compare(
                    "exchanges.\(fact)", file: file, exchange: name, fact: fact, ours: facts[fact], theirs: expected)
            }
            judge(found.findings, theirs: theirs, file: file, exchange: name)
        }
        // What is left was found by us alone.
        for (pair, left) in ours.sorted(by: { $0.key < $1.key }) {
            for found in left {
                // Definition A makes an exchange of the trace of a lost offer; the truth has no word for it.
                if found.exchange.kind == .lostOffer, let request = found.exchange.request,
                    request.has(.secWebSocketKey) || request.has(.http2Settings) || request.has(.capsuleProtocol)
                {
                    note("lost offers (definition A c) that the truth does not count")
                    continue
                }
                // The truth has no word either for a session whose handshake was not captured.
                if found.exchange.isHandshakeUnseen, found.exchange.protocolInferred {
                    note("sessions inferred without their handshake")
                    continue
                }
                let facts = comparableFacts(of: found.exchange)
                compare(
                    "exchanges", file: file, exchange: "packet \(found.exchange.firstMark.packet)", fact: "exchange",
                    ours: "\(pair) \(facts["method"] ?? "-") \(facts["target"] ?? "-") \(facts["status"] ?? "-")",
                    theirs: "absent")
            }
        }
    }

    /// Violations marked sure must be found; errors of ours must be explained by a violation.
    private mutating func judge(_ findings: [Finding], theirs: TruthExchange, file: String, exchange: String) {
        let rules = Set(findings.map { $0.rule })
        for violation in theirs.violations {
            let known = violation.rules.filter { implemented.contains($0) }
            guard !known.isEmpty else {
                if let rule = violation.rules.first {
                    wait(for: "rule \(rule) (\(violation.name))")
                } else {
                    note("violations that the catalogue has no rule for: \(violation.name)")
                }
                continue
            }
            let found = known.first { rules.contains($0) }
            if violation.sure {
                compare(
                    "violations.sure", file: file, exchange: exchange, fact: "violation \(violation.name)",
                    ours: found == nil ? nil : "found", theirs: "found")
            } else {
                note("violations the truth is unsure of: \(found == nil ? "not found" : "found")")
            }
        }
        let explained = Set(theirs.violations.flatMap { $0.rules })
        let badHandshake: Set<String> = ["UPG001", "UPG004", "UPG008", "WS001", "WS002", "WS004", "WS005", "WS006"]
        let early: Set<String> = ["EARLY001", "EARLY002", "EARLY003", "CON001", "EARLY006", "EARLY007", "UPG009"]
        for finding in findings where finding.level == .error {
            switch finding.rule {
            case let rule where explained.contains(rule): break
            // Consequences of a violation that the truth states.
            case "WS014" where !explained.isDisjoint(with: badHandshake): break
            case "EARLY004" where !explained.isDisjoint(with: early): break
            case "EARLY005" where !explained.isDisjoint(with: early): break
            default:
                compare(
                    "errors the truth explains", file: file, exchange: exchange, fact: "error \(finding.rule)",
                    ours: "found", theirs: "absent")
                continue
            }
            compare(
                "errors the truth explains", file: file, exchange: exchange, fact: "error \(finding.rule)",
                ours: "found", theirs: "found")
        }
    }

    // MARK: Streams

    private mutating func compareStreams(_ analysis: Analysis, truth: Truth, file: String) {
        var ours: [String: [StreamCounters]] = [:]
        for (record, _) in analysis.connections {
            let client = plain(record.facts.client)
            let server = plain(record.facts.server)
            ours["\(client)>\(server)", default: []].append(record.streams.client)
            ours["\(server)>\(client)", default: []].append(record.streams.server)
        }
        for (index, theirs) in truth.streams.enumerated() {
            let pair = "\(theirs.source)>\(theirs.destination)"
            let name = "stream \(index / 2 + 1) \(pair)"
            guard let found = ours[pair]?.first else {
                compare("streams", file: file, exchange: name, fact: "stream", ours: nil, theirs: "present")
                continue
            }
            ours[pair]?.removeFirst()
            compare("streams", file: file, exchange: name, fact: "stream", ours: "present", theirs: "present")
            compare(
                "streams.bytes", file: file, exchange: name, fact: "bytes", ours: "\(found.bytes)",
                theirs: "\(theirs.bytes)")
            compare(
                "streams.contiguous", file: file, exchange: name, fact: "contiguous", ours: "\(found.contiguous)",
                theirs: "\(theirs.contiguous)")
            if let digest = theirs.digest {
                let hex = (found.digest ?? []).map { byte in
                    let text = String(byte, radix: 16)
                    return text.count == 1 ? "0" + text : text
                }.joined()
                compare("streams.sha256", file: file, exchange: name, fact: "sha256", ours: hex, theirs: digest)
            }
        }
    }

    // MARK: Saying it

    /// One line for each kind of fact, then what is pending.
    var summary: String {
        var lines: [String] = []
        for (kind, agreement) in agreements.sorted(by: { $0.key < $1.key }) {
            lines.append("ground truth: \(kind) \(agreement.agreed)/\(agreement.total)")
        }
        for (name, count) in pending.sorted(by: { $0.key < $1.key }) {
            lines.append("ground truth: pending: \(name): \(count)")
        }
        for (name, count) in notes.sorted(by: { $0.key < $1.key }) {
            lines.append("ground truth: note: \(name): \(count)")
        }
        return lines.joined(separator: "\n")
    }
}
