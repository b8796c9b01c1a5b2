// The table of report formats: a new one is a file in `Formats` and its name here. Its option, `--format`, their help, the
// check that no input is overwritten, and what has to be kept for it all follow from that.

public import Investigation

/// What can be printed or written under a name.
public protocol OutputFormat: Sendable {
    /// The word of `--format`, and with two dashes the option that names a file.
    var name: String { get }
    /// What that option writes, for `--help`; `nil` where it is only printed.
    var product: String? { get }
}

/// One report format.
public struct ReportFormat: OutputFormat {
    /// When it is written.
    public enum Writing: Sendable {
        /// Once everything is known.
        case report(@Sendable (Report, RenderOptions, inout any ByteSink) throws -> Void)
        /// While the captures are read, by who follows the investigation.
        case events(@Sendable (EventOptions, any ByteSink) -> any InvestigationObserver)
    }

    public let name: String
    public let product: String?
    /// Needs every exchange; without it the collector may forget clean ones.
    public var needsEveryExchange = false
    /// Needs what was said in the sessions (`ReportOptions.messages`).
    public var needsMessages = false
    public let writing: Writing

    /// All of them.
    public static let all: [ReportFormat] = [text, json, html, ndjson, junit, har]

    /// The format of that name.
    public static func named(_ name: String) -> ReportFormat? { all.first { $0.name == name } }

    /// Whether it is written while the captures are read.
    public var isEvents: Bool { if case .events = writing { true } else { false } }
}

/// What the writer of a report may be told.
public struct RenderOptions: Sendable {
    public var tool: ToolName
    public var layout: TextLayout
    public init(tool: ToolName, layout: TextLayout = TextLayout()) {
        self.tool = tool
        self.layout = layout
    }
}

/// What the writer of events may be told.
public struct EventOptions: Sendable {
    /// Credentials are written as they were.
    public var showSecrets = false
    /// Each message is an event of its own.
    public var messages = false
    public init() {}
}
