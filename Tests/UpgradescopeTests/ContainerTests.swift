// What a capture is packed in changes nothing of the report but the capture's own description.

import Foundation
import TestSupport
import Testing

@Suite struct ContainerTests {
    /// Shell words that give the capture `$1` on standard output, packed in another way.
    static let ways = [
        "cat \"$1\"", "editcap -F pcap \"$1\" -", "editcap -F nsecpcap \"$1\" -", "editcap -F pcapng \"$1\" -",
        "gzip -c \"$1\"", "zstd -qc \"$1\"", "editcap -F pcapng \"$1\" - | gzip -c",
        "editcap -F pcapng \"$1\" - | zstd -qc",
    ]

    @Test(arguments: ways) func theReportIsTheSame(way: String) throws {
        guard try Program.shell("command -v editcap && command -v zstd", []).status == 0 else {
            return print("SKIPPED: editcap or zstd is not installed")
        }
        let samples = try FileManager.default.contentsOfDirectory(atPath: SharedMaterial.samples.path)
            .filter { $0.hasSuffix(".pcap") }.sorted()
        #expect(samples.count >= 12)
        for sample in samples {
            let path = SharedMaterial.samples.appending(path: sample).path
            let folder = try Folder()
            let expected = try Self.report(Program.run("analyze", path, "--json", "-", "--quiet", "--connections"))
            // The name says nothing: it is always the same.
            let packed = try folder.write("packed.pcap", [])
            _ = try Program.shell("\(way) > \"$2\"", [path, packed])
            for line in [
                "exec \"$0\" analyze \"$2\" --json - --quiet --connections",
                "\(way) | \"$0\" analyze - --json - --quiet --connections",
                "\(way) | \"$0\" analyze - --json - --quiet --connections",
            ] {
                let found = try Self.report(Program.shell(line, [path, packed]))
                #expect(found == expected, "\(sample): \(line)")
            }
        }
    }

    /// A report without what it says of the captures.
    private static func report(_ run: Run) throws -> Data {
        let json = try #require(JSONSerialization.jsonObject(with: Data(run.output)) as? [String: Any], "\(run.errors)")
        #expect(json["captures"] != nil && json["exchanges"] != nil)
        return try JSONSerialization.data(
            withJSONObject: json.filter { $0.key != "captures" }, options: [.sortedKeys, .prettyPrinted])
    }
}
