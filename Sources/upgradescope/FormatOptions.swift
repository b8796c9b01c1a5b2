// The options of report formats, made from their table: `--json FILE` and its like, and `--format`.
//
// ArgumentParser finds options by looking at the properties of a type. Here the mirror shows it one for each row of the
// table instead, so that help, abbreviations and errors are those of every other option.

import ArgumentParser
import ReplayReports
import Reports

/// The formats of one command.
protocol FormatTable {
    associatedtype Format: OutputFormat
    static var formats: [Format] { get }
    /// What the reports are about, where that needs to be said.
    static var subject: String { get }
    /// When something is printed.
    static var condition: String { get }
}

extension FormatTable {
    static var subject: String { "" }
    static var condition: String { "" }
}

enum AnalysisFormats: FormatTable {
    static var formats: [ReportFormat] { ReportFormat.all }
}

enum ReplayFormats: FormatTable {
    static var formats: [ReplayFormat] { ReplayFormat.all }
}

/// Of clients neither events nor what was said are kept.
enum ServeFormats: FormatTable {
    static var formats: [ReportFormat] { [.text, .json, .html] }
    static var subject: String { " about the clients" }
    static var condition: String { ", with --findings" }
}

/// Which reports are written where.
struct FormatOptions<Table: FormatTable>: ParsableArguments, CustomReflectable {
    /// Reports in files, in the order of the table.
    private(set) var files: [(format: Table.Format, path: String)] = []
    /// What is printed on standard output, where that was said.
    private(set) var printed: Table.Format?

    init() {}

    init(from decoder: any Decoder) throws {
        let options = try decoder.container(keyedBy: FormatKey.self)
        for format in Table.formats where format.product != nil {
            let path = try options.decode(Option<String?>.self, forKey: FormatKey(format.name)).wrappedValue
            if let path { files.append((format, path)) }
        }
        printed = try options.decode(Option<FormatName<Table>?>.self, forKey: FormatKey("format")).wrappedValue?.format
    }

    var customMirror: Mirror {
        let files: [Mirror.Child] = Table.formats.compactMap { format in
            guard let product = format.product else { return nil }
            let help = ArgumentHelp("Write \(product)\(Table.subject).", valueName: "file")
            return (label: format.name, value: Option<String?>(name: .customLong(format.name), help: help))
        }
        let help: ArgumentHelp = "What to print on standard output\(Table.condition) (default: text)."
        let printed = Option<FormatName<Table>?>(name: .customLong("format"), help: help)
        return Mirror(self, children: files + [(label: "format", value: printed)], displayStyle: .struct)
    }

    /// Whether nothing was asked for.
    var isEmpty: Bool { files.isEmpty && printed == nil }

    /// What was asked for, in whatever place.
    var wanted: [Table.Format] { files.map(\.format) + (printed.map { [$0] } ?? []) }

    /// Adds what was asked for; standard output, unless it is taken, is for `fallback`.
    func add(to plan: inout OutputPlan<Table.Format>, otherwise fallback: Table.Format?, inputs: [String]) throws {
        for (format, path) in files { try plan.add(format, to: path, option: "--\(format.name)", inputs: inputs) }
        if let format = printed ?? (plan.usesStandardOutput ? nil : fallback) {
            try plan.add(format, to: "-", option: "--format", inputs: inputs)
        }
    }
}

/// The word of `--format`.
struct FormatName<Table: FormatTable>: ExpressibleByArgument {
    let format: Table.Format

    init?(argument: String) {
        guard let format = Table.formats.first(where: { $0.name == argument }) else { return nil }
        self.format = format
    }

    var defaultValueDescription: String { format.name }
    static var allValueStrings: [String] { Table.formats.map(\.name) }
}

/// The name of an option that is no property.
private struct FormatKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
}
