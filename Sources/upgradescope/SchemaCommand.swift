// `upgradescope schema`: the JSON Schema of the report.

import ArgumentParser
import ReplayReports
import Reports

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of the report.")

    @Flag(help: "The schema of the report about a replay.")
    var replay = false

    func run() throws {
        try printResult { try $0.write(replay ? ReplaySchema.bytes : ReportSchema.bytes) }
    }
}
