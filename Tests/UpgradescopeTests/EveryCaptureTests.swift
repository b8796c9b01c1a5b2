// One job or many: the same report, for every capture there is.

import Foundation
import TestSupport
import Testing

@Suite(.tags(.long)) struct EveryCaptureTests {
    /// Every capture there is, all at once: hundreds of taps.
    @Test(.timeLimit(.minutes(30))) func theReportIsTheSameForAnyNumberOfJobs() throws {
        let folders = [
            SharedMaterial.samples, SharedMaterial.root.appending(path: "captures/lab"),
            SharedMaterial.root.appending(path: "captures/third-party"),
        ]
        for folder in folders where FileManager.default.fileExists(atPath: folder.path) {
            let one = try Program.run("analyze", folder.path, "--json", "-", "--quiet", "--connections")
            #expect(!one.signalled && one.output.count > 10_000)
            for jobs in ["1", "2", "3", "16"] {
                let many = try Program.run(
                    "analyze", folder.path, "--json", "-", "--quiet", "--connections", "--jobs", jobs)
                #expect(many.output == one.output && many.status == one.status, "\(folder.path), \(jobs) jobs")
            }
        }
    }
}
