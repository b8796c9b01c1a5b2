// The table of renderers: a new report format is one file and one line here.

public import Investigation

/// What a renderer may be told.
public struct RenderOptions: Sendable {
    public var tool: ToolName
    public var layout: TextLayout
    public init(tool: ToolName, layout: TextLayout = TextLayout()) {
        self.tool = tool
        self.layout = layout
    }
}

/// One report format.
public struct Renderer: Sendable {
    /// The word behind `--format`, and with two dashes the option that names a file.
    public let name: String
    public let fileExtension: String
    /// For `--help`.
    public let abstract: String
    /// Needs every exchange; without it the collector may forget clean ones.
    public let needsEveryExchange: Bool
    /// Needs what was said in the sessions (`ReportOptions.messages`).
    public var needsMessages = false
    public let write: @Sendable (Report, RenderOptions, inout any ByteSink) throws -> Void
}

/// All report formats made of a finished report; events are written while reading by `NDJSONReport`.
public enum Renderers {
    public static let all: [Renderer] = [
        Renderer(
            name: "text", fileExtension: "txt", abstract: "for people at a terminal", needsEveryExchange: false,
            write: { try TextReport.write($0, layout: $1.layout, to: &$2) }),
        Renderer(
            name: "json", fileExtension: "json", abstract: "for programs; `schema` prints its schema",
            needsEveryExchange: true, write: { try JSONReport.write($0, tool: $1.tool, to: &$2) }),
        Renderer(
            name: "html", fileExtension: "html", abstract: "one page for people, without network",
            needsEveryExchange: true, write: { try HTMLReport.write($0, tool: $1.tool, to: &$2) }),
        Renderer(
            name: "junit", fileExtension: "xml", abstract: "for continuous integration", needsEveryExchange: true,
            write: { try JUnitReport.write($0, to: &$2) }),
        Renderer(
            name: "har", fileExtension: "har", abstract: "HAR 1.2 with WebSocket messages, as browsers save it",
            needsEveryExchange: true, needsMessages: true,
            write: { try HARReport.write($0, tool: $1.tool, to: &$2) }),
    ]

    /// The format of that name.
    public static func named(_ name: String) -> Renderer? { all.first { $0.name == name } }
}
