// The rows against the catalogue: each speaks when it should, only then, and none is left out.

import TestSupport
import Testing
import Traffic

@testable import Inspection

@Suite struct RuleTests {
    @Test(arguments: ruleRows)
    func triggers(_ row: RuleRow) {
        let findings = Wire.run(row.trigger, handshake: row.handshake, unseen: row.unseen).findings()
        #expect(Set(findings.map(\.rule)) == row.also.union([row.rule]), "\(row.rule): \(described(findings))")
        let mine = findings.filter { $0.rule == row.rule }
        if let level = row.level { #expect(mine.contains { $0.level == level }, "\(row.rule): \(described(mine))") }
        if let fault = row.fault { #expect(mine.contains { $0.fault == fault }, "\(row.rule): \(described(mine))") }
    }

    @Test(arguments: ruleRows)
    func nearMisses(_ row: RuleRow) {
        let findings = Wire.run(row.nearMiss, handshake: row.handshake, loopback: row.nearLoopback).findings()
        #expect(Set(findings.map(\.rule)) == row.nearAlso, "\(row.rule): \(described(findings))")
    }

    /// What people read is there, and every finding can be traced.
    @Test(arguments: ruleRows)
    func findingsAreComplete(_ row: RuleRow) {
        for finding in Wire.run(row.trigger, handshake: row.handshake, unseen: row.unseen).findings() {
            #expect(finding.message.hasSuffix(".") && finding.message.count > 20, "\(finding.rule): \(finding.message)")
            #expect(!finding.message.contains { $0.isNewline })
            #expect(!finding.fix.isEmpty && !finding.source.isEmpty)
            #expect(finding.fingerprint.count == 16)
            #expect(!finding.evidence.isEmpty, "\(finding.rule) shows nothing")
            #expect(finding.exchange != nil || finding.connection != nil)
            for evidence in finding.evidence {
                #expect(evidence.excerpt.count <= 256)
                #expect(evidence.place.first.packet > 0, "\(finding.rule): \(evidence.label) lies in no packet")
            }
        }
    }

    @Test func everyRuleHasItsRows() {
        let rows = Set(ruleRows.map(\.rule))
        // What several exchanges show together has rows of its own.
        let rules = Set(Catalogue.all.filter { $0.correlates == nil }.map(\.id))
        #expect(rules.subtracting(rows).isEmpty, "without rows: \(rules.subtracting(rows).sorted())")
        let checked = Set(Catalogue.all.filter { $0.correlates == nil || $0.check != nil }.map(\.id))
        #expect(rows.subtracting(checked).isEmpty, "no such rule: \(rows.subtracting(checked).sorted())")
        for rule in Catalogue.all where rule.correlates == nil {
            #expect(ruleRows.contains { $0.rule == rule.id && !$0.nearMiss.isEmpty }, "\(rule.id) has no near miss")
        }
    }

    @Test func theCatalogueIsConsistent() {
        #expect(Set(Catalogue.all.map(\.id)).count == Catalogue.all.count)
        #expect(Set(Catalogue.all.map(\.name)).count == Catalogue.all.count)
        for rule in Catalogue.all {
            #expect(!rule.requirement.isEmpty && !rule.why.isEmpty && !rule.fix.isEmpty && !rule.title.isEmpty)
            #expect(!rule.trigger.isEmpty && !rule.nearMiss.isEmpty && !rule.detect.isEmpty)
            #expect(rule.check != nil || rule.checkConnection != nil || rule.correlates != nil)
        }
        #expect(Catalogue.rule("upg001")?.name == "upgrade-without-connection-option")
        #expect(Catalogue.rule("ws-accept-mismatch")?.id == "WS009")
        #expect(Catalogue.rule("XYZ") == nil)
    }
}

func described(_ findings: [Finding]) -> String {
    findings.map { "\($0.rule) \($0.level) \($0.fault): \($0.message)" }.joined(separator: "\n")
}
