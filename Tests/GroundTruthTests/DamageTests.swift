// Captures that were cut and bytes that were changed: no crash, no hang.
//
// All of it happens in this process, so a crash fails the run. What is cut and what is changed follows from a
// seed and the file's name: a failure can be repeated.

import Foundation
import TestSupport
import Testing
import Traffic

@Suite(.tags(.long)) struct DamageTests {
    @Test(.timeLimit(.minutes(30))) func samples() throws {
        let samples = SharedMaterial.captures(in: SharedMaterial.samples)
        #expect(samples.count >= 12)
        try damage(samples)
    }

    @Test(.timeLimit(.minutes(30))) func everyCapture() throws {
        guard let lab = SharedMaterial.captures(of: "lab", for: "damage"),
            let others = SharedMaterial.captures(of: "third-party", for: "damage")
        else { return }
        try damage(lab + others)
    }

    private func damage(_ captures: [URL]) throws {
        var runs = 0
        var slowest = (time: Duration.zero, name: "")
        for capture in captures {
            let name = capture.lastPathComponent
            let whole = [UInt8](try Data(contentsOf: capture))
            var numbers = SeededNumbers(name: name)
            for round in 0..<40 {
                var bytes = whole
                let what: String
                if round < 20 {
                    // The first cuts fall where headers are, the others anywhere.
                    let end = numbers.below(round < 8 ? min(whole.count, 256) : whole.count)
                    bytes.removeSubrange(end...)
                    what = "cut at \(end)"
                } else {
                    let changes = 1 + numbers.below(20)
                    for _ in 0..<changes where !bytes.isEmpty {
                        bytes[numbers.below(bytes.count)] = UInt8(truncatingIfNeeded: numbers.next())
                    }
                    what = "\(changes) bytes changed, round \(round)"
                }
                let started = ContinuousClock.now
                let analysis = Analysis.of(bytes, name: name)
                let elapsed = ContinuousClock.now - started
                runs += 1
                if elapsed > slowest.time { slowest = (elapsed, "\(name) \(what)") }
                #expect(elapsed < .seconds(30), "\(name) \(what): took \(elapsed)")
                // What cannot be opened finds nothing; what can be, counts what it read.
                if analysis.refusal != nil { #expect(analysis.counters.packets == 0, "\(name) \(what)") }
            }
        }
        print("damage: \(runs) runs over \(captures.count) captures, slowest \(slowest.time) (\(slowest.name))")
    }
}
