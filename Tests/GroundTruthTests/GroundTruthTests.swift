// The product against every capture whose truth is known.
//
// Each difference must stand in differences.json with a reason, and the only reasons there are: the truth is
// wrong, or it is unsure. A listed difference that is gone fails the test too, so that the list stays true.

import Foundation
import Inspection
import TestSupport
import Testing
import Traffic

@Suite struct GroundTruthTests {
    static let listFile = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "differences.json")

    /// The differences that have a reason.
    static func listed() throws -> [Difference: String] {
        var listed: [Difference: String] = [:]
        for entry in try JSONValue(contentsOf: listFile)["differences"].array {
            let difference = Difference(
                file: entry["file"].string ?? "", exchange: entry["exchange"].string ?? "",
                fact: entry["fact"].string ?? "", ours: entry["ours"].string ?? "",
                theirs: entry["theirs"].string ?? "")
            let reason = entry["reason"].string ?? ""
            #expect(
                reason.hasPrefix("truth wrong: ") || reason.hasPrefix("truth unsure: "),
                "\(difference): a reason says that the truth is wrong or unsure, and why")
            listed[difference] = reason
        }
        return listed
    }

    @Test(.timeLimit(.minutes(30))) func everyCaptureAgreesWithItsTruth() throws {
        guard let lab = SharedMaterial.captures(of: "lab", for: "ground truth"),
            let others = SharedMaterial.captures(of: "third-party", for: "ground truth")
        else { return }
        #expect(lab.count >= 200 && others.count >= 150, "captures are missing")
        var comparison = Comparison(implemented: Set(Catalogue.all.map { $0.id }))
        for capture in lab + others {
            let truthFile = SharedMaterial.truth(for: capture)
            guard FileManager.default.fileExists(atPath: truthFile.path) else {
                Issue.record("\(capture.lastPathComponent) has no truth")
                continue
            }
            let truth = try Truth(contentsOf: truthFile)
            let started = ContinuousClock.now
            let analysis = Analysis.of(capture, digests: !truth.streams.isEmpty)
            let elapsed = ContinuousClock.now - started
            #expect(elapsed < .seconds(60), "\(capture.lastPathComponent) took \(elapsed)")
            comparison.add(analysis, truth: truth, file: capture.lastPathComponent)
        }
        print(comparison.summary)
        // What another part of the work brings, and nothing else.
        let later = ["TLS", "tls", "encrypted", "HTTP/2", "HTTP/3", "H2W", "HOP", "MSQ", "SMG001"]
        for (name, count) in comparison.pending where !later.contains(where: { name.contains($0) }) {
            Issue.record("pending: \(name): \(count)")
        }

        let listed = try Self.listed()
        let found = Set(comparison.differences)
        let unlisted = comparison.differences.filter { listed[$0] == nil }
        let gone = listed.keys.filter { !found.contains($0) }
        print(
            "ground truth: differences \(found.count), listed with a reason \(found.count - Set(unlisted).count)")
        report(unlisted)
        for difference in gone.sorted(by: { ($0.file, $0.fact) < ($1.file, $1.fact) }) {
            Issue.record("listed in differences.json but gone: \(difference)")
        }
    }

    /// The unlisted differences: the most frequent fact first, then each one.
    private func report(_ unlisted: [Difference]) {
        let kinds = Dictionary(grouping: unlisted) { $0.fact }.sorted {
            ($1.value.count, $0.key) < ($0.value.count, $1.key)
        }
        for (fact, differences) in kinds {
            print("ground truth: unlisted: \(fact): \(differences.count)")
            for difference in differences {
                Issue.record(
                    """
                    \(difference.file) [\(difference.exchange)] \(fact): \
                    ours \(difference.ours), truth \(difference.theirs)
                    """)
            }
        }
        guard let path = ProcessInfo.processInfo.environment["UPGRADESCOPE_DIFFERENCES"], !path.isEmpty else { return }
        let rows = unlisted.map { difference in
            [
                "file": difference.file, "exchange": difference.exchange, "fact": difference.fact,
                "ours": difference.ours, "theirs": difference.theirs, "reason": "",
            ]
        }
        let document: [String: Any] = ["differences": rows]
        if let data = try? JSONSerialization.data(
            withJSONObject: document, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        {
            try? data.write(to: URL(filePath: path))
        }
    }
}
