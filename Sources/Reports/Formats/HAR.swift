// HAR 1.2: every exchange as browsers' developer tools would have saved it, WebSocket messages in `_webSocketMessages` as
// Chrome writes them (text as it is, everything else as base64, seconds since 1970).
//
// Fields of our own begin with an underscore, as the format wants it, and are there where the format would lose what a
// replay needs: the sizes of fragments, the bytes of a text that is not UTF-8, close, ping and pong frames.

import Ground
import Inspection
public import Investigation
import Traffic

extension ReportFormat {
    /// HAR 1.2 with WebSocket messages, as browsers save it.
    public static let har = ReportFormat(
        name: "har", product: "the exchanges and what was said in them as HAR", needsEveryExchange: true,
        needsMessages: true, writing: .report { try HARReport.write($0, tool: $1.tool, to: &$2) })
}

/// Writes the exchanges of a report as a HAR file.
public enum HARReport {
    public static func write(_ report: Report, tool: ToolName, to sink: inout any ByteSink) throws {
        var json = JSONWriter()
        try json.object { json in
            try json.object("log") { json in
                json.member("version", "1.2")
                json.object("creator") { json in
                    json.member("name", tool.name)
                    json.member("version", tool.version)
                }
                try json.array("entries") { json in
                    try report.forEachExchange { reported, messages in
                        // An answer nobody asked for has no place in a format of requests.
                        guard let request = reported.exchange.request else { return }
                        json.newline()
                        try json.object { json in
                            HAREntryWriter(reported.exchange, request, showSecrets: report.options.showSecrets)
                                .write(to: &json)
                            guard reported.exchange.upgraded == .websocket else { return }
                            json.member("_resourceType", "websocket")
                            try self.messages(&messages, to: &json, sink: &sink)
                        }
                        try sink.drain(&json.bytes)
                    }
                }
            }
        }
        json.endLine()
        try sink.drain(&json.bytes, atLeast: 1)
    }

    private static func messages(
        _ messages: inout MessageWalk, to json: inout JSONWriter, sink: inout any ByteSink
    ) throws {
        try json.array("_webSocketMessages") { json in
            while let message = try messages.next() {
                json.object { json in
                    json.member("type", message.direction == .client ? "send" : "receive")
                    json.member("time", seconds: message.place.last.time)
                    json.member("opcode", message.opcode)
                    if message.opcode == 1 {
                        json.key("data")
                        json.value(CapturedText(message.payload))
                        if !UTF8Walk.isValid(message.payload[...]) {
                            json.member("_base64", Base64.text(message.payload))
                        }
                    } else {
                        json.member("data", Base64.text(message.payload))
                    }
                    if message.fragments.count > 1 {
                        json.array("_fragments") { json in for size in message.fragments { json.value(size) } }
                    }
                    if !message.isWhole { json.member("_incomplete", words(message)) }
                }
                try sink.drain(&json.bytes)
            }
        }
    }

    /// Why a message is not all that was said.
    private static func words(_ message: TranscriptMessage) -> String {
        if message.missing > 0 { return "\(message.missing) bytes are not in the capture" }
        if message.isUnreadable { return "it cannot be inflated" }
        return message.isComplete ? "only its beginning was kept" : "it has no end"
    }
}

/// One entry, but for the messages.
private struct HAREntryWriter {
    let exchange: Exchange
    let request: HeadText
    let response: HeadText?

    init(_ exchange: Exchange, _ request: MessageHead, showSecrets: Bool) {
        self.exchange = exchange
        self.request = HeadText(request, showSecrets: showSecrets)
        response = exchange.response.map { HeadText($0, showSecrets: showSecrets) }
    }

    func write(to json: inout JSONWriter) {
        let start = request.head.place.first.time
        let sent = request.head.place.last.time
        let wait = max(0, exchange.response?.place.last.time.nanoseconds(since: sent) ?? 0)
        let send = max(0, sent.nanoseconds(since: start))
        json.member("startedDateTime", start.text)
        json.member("time", milliseconds: send.addingReportingOverflow(wait).partialValue)
        json.object("request") { json in
            json.member("method", safe(request.method))
            json.member("url", url)
            json.member("httpVersion", "HTTP/\(request.head.version.major).\(request.head.version.minor)")
            cookies(request, .cookie, to: &json)
            headers(request, to: &json)
            query(to: &json)
            json.member("headersSize", request.head.bytes.count)
            json.member("bodySize", exchange.framing.bodyBytes)
        }
        json.object("response") { json in
            json.member("status", response?.head.status ?? 0)
            json.key("statusText")
            json.value(response?.reason ?? CapturedText([]))
            let version = response?.head.version ?? request.head.version
            json.member("httpVersion", "HTTP/\(version.major).\(version.minor)")
            if let response {
                cookies(response, .setCookie, to: &json)
                headers(response, to: &json)
            } else {
                json.array("cookies") { _ in }
                json.array("headers") { _ in }
            }
            json.object("content") { json in
                json.member("size", 0)
                json.key("mimeType")
                json.value(response?.head.value(.contentType).flatMap { response?.text($0) } ?? CapturedText([]))
            }
            json.key("redirectURL")
            json.value(response?.head.value(.location).flatMap { response?.text($0) } ?? CapturedText([]))
            json.member("headersSize", response?.head.bytes.count ?? -1)
            json.member("bodySize", -1)
        }
        json.object("cache") { _ in }
        json.object("timings") { json in
            json.member("send", milliseconds: send)
            json.member("wait", milliseconds: wait)
            json.member("receive", 0)
        }
        json.member("serverIPAddress", exchange.connection.server.address.description)
        json.member("connection", "\(exchange.connection.id)")
    }

    private func headers(_ head: HeadText, to json: inout JSONWriter) {
        json.array("headers") { json in
            for line in head.head.lines {
                json.object { json in
                    json.key("name")
                    json.value(head.text(head.head.name(of: line)))
                    json.key("value")
                    json.value(head.text(head.head.value(of: line)))
                }
            }
        }
    }

    private func cookies(_ head: HeadText, _ name: FieldName, to json: inout JSONWriter) {
        json.array("cookies") { json in
            for value in head.head.values(name) {
                splitList(value, separator: UInt8(ascii: ";")) { pair in
                    // What follows in Set-Cookie are attributes.
                    guard name == .cookie || pair.startIndex == value.startIndex else { return }
                    let key = pair.prefix { $0 != UInt8(ascii: "=") }
                    json.object { json in
                        json.key("name")
                        json.value(head.text(key))
                        json.key("value")
                        json.value(head.text(pair[key.endIndex...].dropFirst()))
                    }
                }
            }
        }
    }

    private func query(to json: inout JSONWriter) {
        json.array("queryString") { json in
            let target = request.head.target
            guard let question = target.firstIndex(of: UInt8(ascii: "?")) else { return }
            for pair in target[(question + 1)...].split(separator: UInt8(ascii: "&")) {
                let key = pair.prefix { $0 != UInt8(ascii: "=") }
                json.object { json in
                    json.key("name")
                    json.value(request.text(key))
                    json.key("value")
                    json.value(request.text(pair[key.endIndex...].dropFirst()))
                }
            }
        }
    }

    /// The absolute address: what a URI cannot hold is percent-encoded.
    private var url: String {
        let target = request.head.target
        var text = ""
        if exchange.kind == .connect || target.first == UInt8(ascii: "/") || target.isEmpty {
            text =
                exchange.upgraded == .websocket || request.head.hasMember(.upgrade, "websocket") ? "ws://" : "http://"
            if exchange.kind != .connect { text += encoded(request.host ?? CapturedText([])) }
        }
        return text + encoded(request.target)
    }

    private func encoded(_ text: CapturedText) -> String {
        var result = ""
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes {
                let isPlain = byte > 0x20 && byte < 0x7f && !"\"<>\\^`{|}".utf8.contains(byte)
                result += isPlain ? String(Unicode.Scalar(byte)) : "%" + Digits.hex(byte).uppercased()
            }
        }
        text.forEachPiece { piece in
            switch piece {
            case .bytes(let bytes): add(bytes)
            case .redacted(let count): add(CapturedText.note(redacted: count).utf8)
            }
        }
        return result
    }

    private func safe(_ text: CapturedText) -> String { TerminalText.safe(text) }
}
