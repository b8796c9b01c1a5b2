// The JSON report, version 1: what scripts build on. Fields may be added, never changed or removed; the
// schema beside this file says what each one holds.

public import Investigation
import Traffic

extension ReportFormat {
    /// For programs; `schema` prints its schema.
    public static let json = ReportFormat(
        name: "json", product: "the JSON report", needsEveryExchange: true,
        writing: .report { try JSONReport.write($0, tool: $1.tool, to: &$2) })
}

/// Who wrote a report.
public struct ToolName: Sendable {
    public var name: String
    public var version: String
    public init(name: String = "upgradescope", version: String) {
        self.name = name
        self.version = version
    }
}

/// Writes a whole report as JSON.
public enum JSONReport {
    /// Value of `schema`.
    public static let schemaName = "upgradescope-report/1"

    public static func write(_ report: Report, tool: ToolName, to sink: inout any ByteSink) throws {
        var json = JSONWriter()
        let facts = JSONFacts(severalCaptures: report.hasSeveralCaptures, showSecrets: report.options.showSecrets)
        try json.object { json in
            json.member("schema", schemaName)
            json.object("tool") { json in
                json.member("name", tool.name)
                json.member("version", tool.version)
            }
            json.newline()
            json.array("captures") { json in
                for capture in report.captures {
                    json.newline()
                    json.object { facts.capture(capture, to: &$0) }
                }
            }
            json.newline()
            json.object("summary") { facts.summary(report.summary, to: &$0) }
            json.newline()
            try json.array("exchanges") { json in
                try report.forEachExchange { reported in
                    json.newline()
                    json.object { json in
                        json.member("id", reported.id)
                        if let parent = reported.parent { json.member("parent", parent) }
                        if let demand = reported.retryOf { json.member("retry_of", demand) }
                        facts.exchange(reported.exchange, reported.validity, to: &json)
                        json.array("findings") { json in
                            for finding in reported.findings { json.value(finding.id) }
                        }
                    }
                    try sink.drain(&json.bytes)
                }
            }
            json.newline()
            try json.array("findings") { json in
                try report.forEachFinding { reported in
                    json.newline()
                    json.object { json in
                        json.member("id", reported.id)
                        if let exchange = reported.exchange { json.member("exchange", exchange) }
                        if let cause = reported.consequenceOf { json.member("consequence_of", cause) }
                        facts.finding(reported.finding, mark: reported.mark, to: &json)
                    }
                    try sink.drain(&json.bytes)
                }
            }
            json.newline()
            json.array("hops") { _ in }
            json.newline()
            json.array("unseen_names") { json in
                for (name, count) in report.unseenNames {
                    json.newline()
                    json.object { json in
                        if let serverName = name.serverName { json.member("sni", serverName) }
                        if !name.protocols.isEmpty { json.member("alpn", name.protocols) }
                        json.member("server", name.server.description)
                        json.member("connections", count)
                    }
                }
            }
            if report.options.connections {
                json.newline()
                try json.array("connections") { json in
                    try report.forEachConnection { record in
                        json.newline()
                        json.object { facts.connectionRow(record, to: &$0) }
                        try sink.drain(&json.bytes)
                    }
                }
            }
            let omitted = report.omitted
            if !omitted.isEmpty {
                json.newline()
                json.object("omitted") { json in
                    json.member("exchanges", omitted.exchanges)
                    json.member("findings", omitted.findings)
                    json.member("why", omitted.why)
                }
            }
        }
        json.bytes.append(0x0a)
        try sink.drain(&json.bytes, atLeast: 1)
    }
}
