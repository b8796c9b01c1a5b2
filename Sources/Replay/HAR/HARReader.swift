// Reads what browsers save. An entry that cannot be understood is an error with the path of the field at fault;
// fields that a recording does not need are not looked at.
//
// Whatever becomes part of a request is checked here: a header of a file written by a stranger holds no line end when
// it is sent.

internal import Ground
internal import Traffic

/// Why a HAR file cannot be read.
public struct HARError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, and where: a line and column, or the path of a field.
    public var description: String

    init(_ error: JSONError) { description = "not JSON: \(error)" }
    init(_ path: String, _ problem: String) { description = "\(path): \(problem)" }
}

extension HARLog {
    /// Whether bytes begin like JSON and not like a capture: with white space, a byte order mark or a brace.
    public static func looksLikeHAR(_ bytes: [UInt8]) -> Bool {
        let text = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]
        return text.first { !$0.isWhitespace } == UInt8(ascii: "{")
    }

    /// Reads a HAR file.
    public init(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(HARError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONParser.parse(bytes, limits: limits)
        } catch {
            throw HARError(error)
        }
        let log = try Field(json, "the file").required("log")
        creator = log.member("creator")?.value["name"]?.string ?? ""
        for (index, entry) in try log.required("entries").elements().enumerated() {
            do throws(HARError) {
                entries.append(try HAREntry(entry, index))
            } catch {
                // A page loads much that is no request: data, extensions. A session that cannot be read is said.
                if entry.isSession { throw error }
                remarks.append(error.description)
            }
        }
    }
}

extension HAREntry {
    fileprivate init(_ entry: Field, _ index: Int) throws(HARError) {
        self.index = index
        started = (entry.member("startedDateTime")?.value.string).flatMap { Timestamp(rfc3339: $0) }
        request = try HARRequest(try entry.required("request"), remarks: &remarks)
        serverAddress = entry.member("serverIPAddress")?.value.string
        connection = entry.member("connection").flatMap { $0.value.string ?? $0.value.number?.text }
        if let answer = entry.member("response") { response = try HARResponse(answer, remarks: &remarks) }
        if let list = entry.member("_webSocketMessages"), entry.isSession {
            var said: [HARMessage] = []
            for message in try list.elements() {
                if let message = try HARMessage(message, remarks: &remarks) { said.append(message) }
            }
            messages = said
        } else if entry.isSession {
            messages = []
        }
    }
}

extension HARRequest {
    fileprivate init(_ request: Field, remarks: inout [String]) throws(HARError) {
        let field = try request.required("url")
        guard let address = HARAddress(try field.text()) else {
            throw HARError(field.path, "no address that can be asked for: \(field.excerpt)")
        }
        url = address
        method = "GET"
        if let field = request.member("method"), let text = field.value.string, !text.isEmpty {
            guard text.utf8.allSatisfy(\.isTokenByte) else {
                throw HARError(field.path, "no method: \(field.excerpt)")
            }
            method = text
        }
        minorVersion = request.minorVersion
        headers = try HARHeader.list(request.member("headers"), remarks: &remarks)
        body = Array((request.member("postData")?.value["text"]?.string ?? "").utf8)
    }
}

extension HARResponse {
    /// `nil` for what writers put in place of an answer that never came: a status of 0 or -1.
    fileprivate init?(_ response: Field, remarks: inout [String]) throws(HARError) {
        guard let status = response.member("status")?.value.number?.int, (100...999).contains(status) else {
            return nil
        }
        self.status = Int(status)
        let reason = response.member("statusText")?.value.string ?? ""
        self.reason = reason.unicodeScalars.allSatisfy { $0 >= " " && $0 != "\u{7f}" } ? reason : ""
        minorVersion = response.minorVersion
        headers = try HARHeader.list(response.member("headers"), remarks: &remarks)
        guard let content = response.member("content"), let text = content.value["text"]?.string else { return }
        if content.value["encoding"]?.string == "base64" {
            guard let decoded = Base64.decode(text) else { throw HARError(content.path + ".text", "not base64") }
            body = decoded
        } else {
            body = Array(text.utf8)
        }
    }
}

extension HARHeader {
    /// What cannot be a field of HTTP/1 is left out.
    fileprivate static func list(_ field: Field?, remarks: inout [String]) throws(HARError) -> [HARHeader] {
        guard let field, field.value.array != nil else { return [] }
        var headers: [HARHeader] = []
        for element in try field.elements() {
            let (nameField, valueField) = (try element.required("name"), element.member("value"))
            let name = try nameField.text()
            // Pseudo fields of HTTP/2 (RFC 9113 8.3) repeat what the entry says elsewhere.
            if name.hasPrefix(":") { continue }
            guard !name.isEmpty, name.utf8.allSatisfy(\.isTokenByte) else {
                remarks.append("\(nameField.path): left out, because it is no field name: \(nameField.excerpt)")
                continue
            }
            // Chrome joins fields of the same name with line ends.
            let value = unfolded(valueField?.value.string ?? "")
            for line in value.split(separator: "\n" as Character, omittingEmptySubsequences: false) {
                guard line.unicodeScalars.allSatisfy({ $0 >= " " && $0 != "\u{7f}" || $0 == "\t" }) else {
                    remarks.append("\(valueField?.path ?? ""): left out, because of a control character in it")
                    continue
                }
                headers.append(HARHeader(name, String(line)))
            }
        }
        return headers
    }
}

extension HARHeader {
    /// A line that goes on in the next one is one line (RFC 9112 5.2).
    private static func unfolded(_ value: String) -> String {
        guard value.contains("\r\n") else { return value }
        var result = ""
        var isFold = false
        for character in value {
            if character == "\r\n" {
                isFold = true
            } else if !isFold || character != " " && character != "\t" {
                if isFold { result += " " }
                isFold = false
                result.append(character)
            }
        }
        return result
    }
}

extension HARMessage {
    /// `nil` for what was not said: errors of the browser.
    fileprivate init?(_ message: Field, remarks: inout [String]) throws(HARError) {
        let type = try message.required("type")
        switch try type.text().lowercased() {
        case "send", "sent", "outgoing", "request": direction = .client
        case "receive", "received", "incoming", "response": direction = .server
        case "error":
            remarks.append("\(message.path): the browser reported an error \(message.member("data")?.excerpt ?? "")")
            return nil
        default: throw HARError(type.path, "neither send nor receive: \(type.excerpt)")
        }
        time = message.member("time").flatMap { Self.time($0.value) }
        let data = message.member("data")
        let text = data?.value.string ?? ""
        let code = message.member("opcode").map { $0.value.number?.int ?? -1 } ?? 1
        guard [1, 2, 8, 9, 10].contains(code) else {
            throw HARError(message.path + ".opcode", "none of 1, 2, 8, 9 and 10")
        }
        opcode = UInt8(code)
        if opcode == 1 {
            // Text that was not UTF-8 has its bytes beside it.
            payload = message.member("_base64")?.value.string.flatMap { Base64.decode($0) } ?? Array(text.utf8)
        } else {
            guard let decoded = Base64.decode(text) else {
                throw HARError(data?.path ?? message.path, "not base64, as it has to be with opcode \(code)")
            }
            payload = decoded
        }
        guard opcode < 8 || payload.count <= 125 else {
            throw HARError(data?.path ?? message.path, "more than 125 bytes in a control frame")
        }
        incomplete = message.member("_incomplete")?.value.string
        let sizes = (message.member("_fragments")?.value.array ?? []).map { $0.int ?? -1 }
        if (2...TranscriptMessage.mostFragments).contains(sizes.count), sizes.allSatisfy({ 0...(1 << 40) ~= $0 }) {
            fragments = sizes
        }
    }

    /// Seconds since 1970 as Chrome has them; what is too large for that is milliseconds or microseconds.
    private static func time(_ value: JSONValue) -> Timestamp? {
        if let text = value.string { return Timestamp(rfc3339: text) }
        guard let number = value.number, number.double > 0 else { return nil }
        let power = number.double < 1e11 ? 9 : number.double < 1e14 ? 6 : 3
        return number.scaled(byPowerOfTen: power).map { Timestamp(nanoseconds: $0) }
    }
}

/// A value, and the way to it.
private struct Field {
    let value: JSONValue
    let path: String

    init(_ value: JSONValue, _ path: String) {
        self.value = value
        self.path = path
    }

    /// A member that is there and not null.
    func member(_ name: String) -> Field? {
        guard let value = value[name], !value.isNull else { return nil }
        return Field(value, path == "the file" ? name : "\(path).\(name)")
    }

    /// Whether this is the entry of a WebSocket session.
    var isSession: Bool {
        if value["_webSocketMessages"]?.array != nil || value["_resourceType"]?.string == "websocket" { return true }
        let scheme = value["request"]?["url"]?.string?.prefix(6).lowercased() ?? ""
        return scheme.hasPrefix("ws://") || scheme.hasPrefix("wss://")
    }

    /// The minor version in "HTTP/1.0"; whatever else is there is said in HTTP/1.1.
    var minorVersion: Int { member("httpVersion")?.value.string?.lowercased() == "http/1.0" ? 0 : 1 }

    func required(_ name: String) throws(HARError) -> Field {
        guard value.members != nil else { throw HARError(path, "an object should be here, not \(value.kind)") }
        guard let field = member(name) else { throw HARError(path, "has no \"\(name)\"") }
        return field
    }

    func elements() throws(HARError) -> [Field] {
        guard let elements = value.array else { throw HARError(path, "an array should be here, not \(value.kind)") }
        return elements.enumerated().map { Field($1, "\(path)[\($0)]") }
    }

    func text() throws(HARError) -> String {
        guard let text = value.string else { throw HARError(path, "a string should be here, not \(value.kind)") }
        return text
    }

    /// The beginning of the value as JSON.
    var excerpt: String {
        value.string.map { JSONValue(.string(String($0.prefix(60)))).description } ?? value.kind
    }
}
