// The table of renderers of a replay: a new format is one file and one line here.

public import Replay
public import Reports

/// One format of the report about a replay.
public struct ReplayRenderer: Sendable {
    /// The word behind `--format`, and with two dashes the option that names a file.
    public let name: String
    public let write: @Sendable (ReplayReport, RenderOptions, inout any ByteSink) throws -> Void
}

/// All formats of the report about a replay.
public enum ReplayRenderers {
    public static let all: [ReplayRenderer] = [
        ReplayRenderer(name: "text") { try ReplayTextReport.write($0, layout: $1.layout, to: &$2) },
        ReplayRenderer(name: "json") { try ReplayJSONReport.write($0, tool: $1.tool, to: &$2) },
        ReplayRenderer(name: "html") { try ReplayHTMLReport.write($0, tool: $1.tool, to: &$2) },
        ReplayRenderer(name: "junit") { try ReplayJUnitReport.write($0, to: &$2) },
    ]

    /// The format of that name.
    public static func named(_ name: String) -> ReplayRenderer? { all.first { $0.name == name } }
}
