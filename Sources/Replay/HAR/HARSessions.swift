// From a HAR file to recorded sessions: each entry is said again on a connection that never was, and read as a capture
// is read. So a session has the same facts wherever it comes from.
//
// What the browser did not save is filled in with what must have been: a handshake without its fields, an answer to a
// session in which something was said. Times that are missing are those before them.

internal import Ground
internal import Inspection
internal import Traffic

extension HARLog {
    /// The entries that offer a switch, as sessions, numbered in their order; the packets they name are made up.
    public func sessions(limits: RecordingLimits = RecordingLimits()) -> [RecordedSession] {
        let recorder = SessionRecorder(limits: limits)
        var options = AnalyzerOptions()
        options.transcript = .all
        var analyzer = Analyzer(options: options, output: recorder)
        var packets: UInt32 = 0
        var said: [HAREntry] = []
        for entry in entries where entry.offersSwitch {
            said.append(entry)
            entry.say(number: said.count) { packet, time in
                packets += 1
                let captured = CapturedPacket(
                    number: packets, time: time, linkType: ConnectionPackets.linkType, interface: 0,
                    range: 0..<packet.count, originalLength: UInt32(packet.count))
                analyzer.receive(captured, capture: 0, bytes: packet.span)
            }
        }
        analyzer.finish()
        var sessions = recorder.sessions()
        for index in sessions.indices {
            sessions[index].isWithoutPackets = true
            // The browser does not tell whether a message was compressed.
            for step in sessions[index].steps.indices { sessions[index].steps[step].forgetCompression() }
            let id = sessions[index].id
            guard said.indices.contains(id - 1) else { continue }
            sessions[index].isSecure = said[id - 1].request.url.isSecure
            if let (number, why) = said[id - 1].firstIncomplete {
                sessions[index].cut = "message \(number) is not whole: \(why)"
            }
        }
        return sessions
    }
}

extension Step {
    fileprivate mutating func forgetCompression() {
        guard case .message(var message) = content else { return }
        message.isCompressed = nil
        content = .message(message)
    }
}

extension HAREntry {
    /// Whether a switch of protocol was asked for.
    var offersSwitch: Bool {
        messages != nil || request.method == "CONNECT" || request.headers.contains { $0.name.isSame("upgrade") }
    }

    /// The first message that is not whole, counted from 1, and why.
    fileprivate var firstIncomplete: (number: Int, why: String)? {
        for (index, message) in (messages ?? []).enumerated() {
            if let why = message.incomplete { return (index + 1, why) }
        }
        return nil
    }

    /// Gives the packets of a connection on which the entry was said.
    fileprivate func say(number: Int, _ give: ([UInt8], Timestamp) -> Void) {
        let low = UInt32(truncatingIfNeeded: number)
        var packets = ConnectionPackets(
            client: Endpoint(address: IPAddress(v4: 0x0a00_0000 | low >> 14), port: UInt16(0x4000 | low & 0x3fff)),
            server: Endpoint(address: IPAddress(v4: 0x0aff_0001), port: request.url.isSecure ? 443 : 80))
        var time = started ?? messages?.lazy.compactMap(\.time).first ?? Timestamp(nanoseconds: 0)
        func send(_ direction: Direction, _ bytes: [UInt8]) {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(ConnectionPackets.mostPayload)
                give(packets.data(direction, piece), time)
                rest = rest.dropFirst(piece.count)
            }
        }
        for packet in packets.open() { give(packet, time) }
        send(.client, requestBytes)
        guard let answer = answerBytes else { return }
        send(.server, answer)
        guard let messages, !messages.isEmpty else { return }
        var encoders = PerDirection(
            client: FrameEncoder(.client, agreement: nil), server: FrameEncoder(.server, agreement: nil))
        var closes = PerDirection(both: false)
        for message in messages {
            if message.incomplete != nil { return }
            // A clock that goes back would put the answer before the question.
            if let moment = message.time, moment > time { time = moment }
            let said = SessionMessage(
                opcode: message.opcode, payload: message.payload, isCompressed: false,
                fragments: message.fragments.isEmpty ? nil : message.fragments.map { Int64($0) })
            if message.opcode == 8 { closes[message.direction] = true }
            send(message.direction, encoders[message.direction].encode(said, keepsFragments: true) { 0 })
        }
        guard closes.client, closes.server else { return }
        give(packets.end(.server, reset: false), time)
        give(packets.end(.client, reset: false), time)
    }

    /// The request as it must have been.
    private var requestBytes: [UInt8] {
        var headers = request.headers
        // Of a handshake that was not saved nothing is there; one that lacks a field lacked it.
        let isAnswered = !headers.isEmpty && response?.headers.containHandshake == true
        if messages != nil, !headers.containHandshake, !isAnswered {
            headers += [
                HARHeader("Upgrade", "websocket"), HARHeader("Connection", "Upgrade"),
                HARHeader("Sec-WebSocket-Version", "13"), HARHeader("Sec-WebSocket-Key", Self.sampleKey),
            ]
        }
        if !headers.contains(where: { $0.name.isSame("host") }), request.minorVersion > 0 {
            headers.insert(HARHeader("Host", request.url.authority), at: 0)
        }
        headers.frame(request.body, always: false)
        let target = request.method == "CONNECT" ? request.url.authority : request.url.target
        let line = "\(request.method) \(target) HTTP/1.\(request.minorVersion)\r\n"
        return Array(line.utf8) + Self.lines(headers) + request.body
    }

    /// The answer as it must have been; `nil` when there was none.
    private var answerBytes: [UInt8]? {
        let wasSaid = messages?.isEmpty == false
        guard var response = response ?? (wasSaid ? HARResponse(status: 101, reason: "", headers: []) : nil) else {
            return nil
        }
        // 200 is how HTTP/2 says it (RFC 8441 5).
        if wasSaid, response.status != 101 { response.status = 101 }
        if response.status == 101, messages != nil, !response.headers.containHandshake {
            let key = request.headers.first { $0.name.isSame("sec-websocket-key") }?.value ?? Self.sampleKey
            let accept = WebSocketAccept.value(for: Array(key.utf8)[...])
            response.headers += [
                HARHeader("Upgrade", "websocket"), HARHeader("Connection", "Upgrade"),
                HARHeader("Sec-WebSocket-Accept", String(decoding: accept, as: UTF8.self)),
            ]
        }
        if response.status == 101, response.reason.isEmpty { response.reason = "Switching Protocols" }
        let isTunnel = request.method == "CONNECT" && (200..<300).contains(response.status)
        let hasContent = response.status >= 200 && response.status != 204 && response.status != 304 && !isTunnel
        if hasContent { response.headers.frame(response.body, always: true) }
        let line = "HTTP/1.\(response.minorVersion) \(response.status) \(response.reason)\r\n"
        return Array(line.utf8) + Self.lines(response.headers) + (hasContent ? response.body : [])
    }

    private static func lines(_ headers: [HARHeader]) -> [UInt8] {
        Array(headers.map { "\($0.name): \($0.value)\r\n" }.joined().utf8) + [0x0d, 0x0a]
    }

    /// The key of RFC 6455 1.3, where the file has none.
    private static let sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="
}

extension [HARHeader] {
    /// Whether there is anything of a WebSocket handshake (RFC 6455 4).
    fileprivate var containHandshake: Bool {
        contains { header in
            ["upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept"].contains {
                header.name.isSame($0)
            }
        }
    }

    /// Says how long the content is: in the file it stands without its framing and its codings.
    fileprivate mutating func frame(_ body: [UInt8], always: Bool) {
        let lengths = filter { $0.name.isSame("content-length") }
        let isRight = lengths.count == 1 && lengths[0].value == String(body.count)
        let isCoded = contains { $0.name.isSame("transfer-encoding") || $0.name.isSame("content-encoding") }
        if isRight && !isCoded || lengths.isEmpty && !isCoded && body.isEmpty && !always { return }
        let names = ["content-length", "transfer-encoding", "content-encoding"]
        removeAll { header in names.contains { header.name.isSame($0) } }
        if always || !body.isEmpty { append(HARHeader("Content-Length", String(body.count))) }
    }
}

extension String {
    /// Whether both are the same name of a field (RFC 9110 5.1).
    fileprivate func isSame(_ other: String) -> Bool {
        Array(utf8)[...].matchesIgnoringCase(Array(other.utf8)[...])
    }
}
