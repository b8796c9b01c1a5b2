// `upgradescope schema`: the JSON Schema of the report.

import ArgumentParser
import Reports

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of the report.")

    func run() throws {
        try printResult { try $0.write(ReportSchema.bytes) }
    }
}
