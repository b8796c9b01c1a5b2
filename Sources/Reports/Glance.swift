// What a view that is drawn again and again keeps of an exchange: short texts, made once, of bounded size, safe to
// show on a terminal, secrets hidden.

package import Inspection
package import Traffic

/// Short texts about one exchange, as it is known at the moment.
package struct Glance: Sendable, Equatable {
    /// "GET"; empty without a request.
    package var method = ""
    /// The host, without a path: of Host, or of the target where that names one.
    package var host = ""
    /// "/chat?token=…"; for CONNECT what it leads to.
    package var target = ""
    /// What the request offered: "h2c, websocket".
    package var offered = ""
    /// "101 Switching Protocols"; empty without an answer.
    package var answered = ""
    /// "websocket", "tunnel of tls"; `nil` where nothing was selected yet.
    package var protocolName: String?
    /// "switched to websocket", "failed (auth)"; empty before it is decided.
    package var result = ""
    /// The lines of the request's and the response's head.
    package var request: [String] = []
    package var response: [String] = []

    /// Nobody reads more than that on a screen.
    private static let lineLimit = 400
    private static let linesLimit = 40

    /// `validity` where the outcome is known, or the exchange at its end.
    package init(_ exchange: Exchange, _ validity: Validity?, showSecrets: Bool) {
        let words = ExchangeWords(exchange, validity ?? Validity(), showSecrets: showSecrets)
        offered = words.offered
        if exchange.response != nil { answered = words.answered }
        if validity != nil {
            protocolName = words.protocolName
            result = words.result
        }
        if let head = exchange.request {
            let text = HeadText(head, showSecrets: showSecrets)
            method = TerminalText.safe(text.method, limit: 32)
            target = TerminalText.safe(text.target, limit: 300)
            if let field = text.host { host = TerminalText.safe(field, limit: 200) }
            if exchange.kind == .connect { (host, target) = (target, "") }
            request = Self.lines(text)
        }
        if let head = exchange.response { response = Self.lines(HeadText(head, showSecrets: showSecrets)) }
    }

    private static func lines(_ text: HeadText) -> [String] {
        let head = text.head
        let (major, minor) = head.version
        let start: String =
            switch head.startLine {
            case .request:
                "\(TerminalText.safe(text.method, limit: 32)) "
                    + "\(TerminalText.safe(text.target, limit: lineLimit)) HTTP/\(major).\(minor)"
            case .response:
                "HTTP/\(major).\(minor) \(head.status) \(TerminalText.safe(text.reason, limit: lineLimit))"
            }
        var lines = [start]
        for line in head.lines.prefix(linesLimit - 1) {
            let name = TerminalText.safe(text.text(head.name(of: line)), limit: 100)
            lines.append("\(name): \(TerminalText.safe(text.text(head.value(of: line)), limit: lineLimit))")
        }
        if head.lines.count >= linesLimit { lines.append("… \(head.lines.count - linesLimit + 1) more lines") }
        return lines
    }

    /// Words of ours that may hold captured text, on one line.
    package static func words(_ text: String, limit: Int = 600) -> String {
        let safe = TerminalText.safe(text).replacing("\n", with: " ")
        return safe.count > limit ? String(safe.prefix(limit - 1)) + "…" : safe
    }

    /// Captured bytes as text, on one line.
    package static func text(_ bytes: ArraySlice<UInt8>, limit: Int) -> String {
        TerminalText.safe(CapturedText(bytes), limit: limit)
    }
}

extension Finding {
    /// "proven, client at fault".
    package var standingText: String { standing }
}

extension Timestamp {
    /// The time of day in UTC: "23:59:59", with decimals "23:59:59.123".
    package func clockText(decimals: Int = 0) -> String {
        let text = clock(decimals: decimals)
        return decimals == 0 ? String(text.dropLast()) : text
    }
}
