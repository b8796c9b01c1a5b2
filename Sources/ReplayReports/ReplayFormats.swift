// The table of formats of the report about a replay: a new one is a file in `Formats` and its name here.

public import Replay
public import Reports

/// One format of the report about a replay.
public struct ReplayFormat: OutputFormat {
    public let name: String
    public let product: String?
    public let write: @Sendable (ReplayReport, RenderOptions, inout any ByteSink) throws -> Void

    /// All of them.
    public static let all: [ReplayFormat] = [text, json, html, junit]

    /// The format of that name.
    public static func named(_ name: String) -> ReplayFormat? { all.first { $0.name == name } }
}
