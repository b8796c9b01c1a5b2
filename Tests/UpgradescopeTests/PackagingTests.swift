// What is installed beside the program. Whether systemd would run the unit can be told without running it.

import Foundation
import TestSupport
import Testing

@Suite struct PackagingTests {
    private static let unit = SharedMaterial.repository.appending(path: "packaging/upgradescope@.service")

    /// The unit with the built program in it; `nil`, said loudly, without the tool.
    private func unit(in folder: Folder, for test: String = #function) throws -> String? {
        guard try Program.shell("command -v systemd-analyze", []).status == 0 else {
            print("SKIPPED: \(test): systemd-analyze is not installed")
            return nil
        }
        let text = try String(contentsOf: Self.unit, encoding: .utf8)
        let installed = "/usr/local/bin/upgradescope"
        #expect(text.contains("ExecStart=\(installed) live -i %I"))
        let built = text.replacingOccurrences(of: installed, with: Program.path)
        return try folder.write("upgradescope@.service", Array(built.utf8))
    }

    /// Unknown keys and wrong values are only said: nothing may be.
    @Test func systemdUnderstandsTheUnit() throws {
        let folder = try Folder()
        guard let unit = try unit(in: folder) else { return }
        let run = try Program.shell("systemd-analyze verify --man=no \"$1\"", [unit])
        #expect(run.status == 0 && run.errors.isEmpty && run.output.isEmpty, "\(run.errors)\(run.text)")
    }

    /// Exposure from 0 to 10, as systemd counts it; a unit without a sandbox has 9.6.
    @Test func theUnitIsSandboxed() throws {
        let folder = try Folder()
        guard let unit = try unit(in: folder) else { return }
        let run = try Program.shell(
            "systemd-analyze security --offline=true --no-pager --threshold=20 \"$1\"", [unit])
        guard !run.errors.contains("unrecognized option") else {
            return print("SKIPPED: this systemd-analyze judges no files")
        }
        #expect(run.status == 0, "\(run.text.split(separator: "\n").last ?? "")\(run.errors)")
        #expect(run.text.contains("Overall exposure level"))
    }

    /// The options of the unit are options of the program.
    @Test func theProgramUnderstandsTheUnit() throws {
        let text = try String(contentsOf: Self.unit, encoding: .utf8).replacingOccurrences(of: "\\\n", with: " ")
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("ExecStart=") })
        let words = line.split(separator: " ").dropFirst().map {
            $0.replacingOccurrences(of: "%I", with: "nosuch0")
                .replacingOccurrences(of: "${STATE_DIRECTORY}", with: "/nonexistent")
        }
        // The interface is the first thing that is missing, not an option: 3, or 5 where nothing may be listened on.
        let run = try Program.run(Array(words))
        #expect([3, 5].contains(run.status), "\(run.status): \(run.errors)")
    }
}
