// How each fact looks in JSON: one function for each object of the report. The report and the event stream
// are made of the same ones.

import Ground
package import Inspection
import Investigation
package import Traffic

package struct JSONFacts {
    /// Objects that have a packet also have `capture`.
    var severalCaptures: Bool
    var showSecrets: Bool

    package init(severalCaptures: Bool, showSecrets: Bool) {
        self.severalCaptures = severalCaptures
        self.showSecrets = showSecrets
    }

    /// Where a message stands.
    func mark(_ mark: Arrival, to json: inout JSONWriter) { packet(mark, to: &json) }

    private func packet(_ mark: Arrival, to json: inout JSONWriter) {
        if severalCaptures { json.member("capture", mark.capture) }
        json.member("packet", mark.packet)
        json.member("time", mark.time)
    }

    private func endpoint(_ key: String, _ endpoint: Endpoint, to json: inout JSONWriter) {
        json.object(key) { json in
            json.member("address", endpoint.address)
            json.member("port", endpoint.port)
        }
    }

    private func pair(_ key: String, _ pair: PerDirection<some FixedWidthInteger>, to json: inout JSONWriter) {
        json.object(key) { json in
            json.member("client", pair.client)
            json.member("server", pair.server)
        }
    }

    // MARK: Captures and summary

    func capture(_ capture: CaptureDescription, to json: inout JSONWriter) {
        json.member("path", capture.path)
        json.member("format", capture.format)
        json.member("byte_order", capture.byteOrder)
        json.member("resolution", capture.resolution)
        if let compression = capture.compression { json.member("compression", compression) }
        var types: [String] = []
        for interface in capture.interfaces {
            let name = LinkTypeName.text(interface.linkType)
            if !types.contains(name) { types.append(name) }
        }
        json.member("link_types", types)
        if !capture.interfaces.isEmpty {
            json.array("interfaces") { json in
                for interface in capture.interfaces {
                    json.object { json in
                        if !interface.name.isEmpty { json.member("name", interface.name) }
                        json.member("link_type", LinkTypeName.text(interface.linkType))
                        json.member("snaplen", interface.snapLength)
                        if !interface.filter.isEmpty { json.member("filter", interface.filter) }
                        if let drops = interface.drops { json.member("drops", drops) }
                    }
                }
            }
        }
        json.member("packets", capture.packets)
        json.member("bytes", capture.bytes)
        if let first = capture.firstPacket { json.member("first_packet", first.text) }
        if let last = capture.lastPacket { json.member("last_packet", last.text) }
        json.member("snapped_packets", capture.snappedPackets)
        if !capture.secrets.isEmpty { json.member("secrets", capture.secrets.count) }
        json.member("complete", capture.complete)
        json.array("problems") { json in
            for problem in capture.problems {
                json.object { json in
                    json.member("kind", problem.kind)
                    json.member("offset", problem.offset)
                    json.member("message", problem.message)
                }
            }
        }
    }

    func summary(_ summary: Summary, to json: inout JSONWriter) {
        let traffic = summary.traffic
        json.member("packets", traffic.packets)
        json.member("not_ip", traffic.notIP)
        json.member("not_tcp", traffic.notTCP)
        json.member("malformed_packets", traffic.malformed)
        json.member("undissected", counts: traffic.kinds.byName)
        json.member("connections", traffic.connections)
        json.member("http_requests", traffic.requests)
        json.member("exchanges", summary.exchanges)
        json.member("outcomes", counts: summary.outcomes)
        json.member("protocols", counts: summary.protocols)
        json.object("findings") { json in
            for level in Level.allCases.reversed() { json.member(level.name, summary.levels[level] ?? 0) }
        }
        json.member("rules", counts: summary.rules)
        json.object("unseen") { json in
            json.member("encrypted_connections", traffic.encryptedConnections)
            json.member("gap_bytes", traffic.gapBytes)
            json.member("one_direction_connections", traffic.oneDirectionConnections)
            json.member("limits_hit", counts: traffic.limitsHit)
        }
        json.member("verdict", summary.verdict.rawValue)
    }

    // MARK: Exchanges

    /// All fields but those that hold numbers of the report.
    func exchange(_ exchange: Exchange, _ validity: Validity, to json: inout JSONWriter) {
        json.member("kind", exchange.kind.word)
        json.object("connection") { connection(exchange.connection, to: &$0) }
        let request = exchange.request.map { HeadText($0, showSecrets: showSecrets) }
        let response = exchange.response.map { HeadText($0, showSecrets: showSecrets) }
        if let request {
            json.object("request") { self.request(request, to: &$0) }
        }
        if !exchange.interim.isEmpty {
            json.array("interim") { json in
                for head in exchange.interim {
                    json.object { json in
                        packet(head.place.first, to: &json)
                        json.member("status", head.status)
                    }
                }
            }
        }
        if let response {
            json.object("response") { self.response(response, to: &$0) }
        }
        json.member("outcome", exchange.outcome.name)
        if let reason = exchange.reason.name { json.member("reason", reason) }
        if let valid = validity.isValid { json.member("valid", valid) }
        if let name = exchange.protocolWord {
            json.member("protocol", name)
            json.member("protocol_certainty", exchange.protocolInferred ? "inferred" : "stated")
        }
        if let early = exchange.early, early.verdict != .none {
            json.object("early_data") { self.early(early, to: &$0) }
        }
        if let latency = exchange.latency {
            json.object("latency_ms") { json in
                json.member("handshake", milliseconds: latency.handshake)
                if let first = latency.firstMessage { json.member("first_message", milliseconds: first) }
            }
        }
        if let facts = exchange.websocket {
            let isSeen = !exchange.isHandshakeUnseen
            json.object("websocket") { websocket(facts, validity, request, response, isSeen: isSeen, to: &$0) }
        }
        if let facts = exchange.session {
            json.key(facts.name)
            value(facts.report, to: &json)
        }
        if exchange.kind == .connect, let request {
            json.object("connect") { json in
                json.member("target", request.target)
                json.member("inner", exchange.inner.protocolWord)
            }
        }
        pair(
            "bytes", PerDirection(client: exchange.switched.client.bytes, server: exchange.switched.server.bytes),
            to: &json)
        let first = exchange.firstMark
        json.object("packets") { json in
            if severalCaptures { json.member("capture", first.capture) }
            json.member("first", first.packet)
            json.member("last", exchange.lastMark.packet)
        }
        json.member("started", first.time)
        json.member("ended", exchange.lastMark.time)
        if let rank = exchange.preferenceRank { json.member("preference_rank", rank) }
        if !exchange.limitsHit.isEmpty { json.member("limits_hit", exchange.limitsHit) }
    }

    private func connection(_ facts: ConnectionFacts, to json: inout JSONWriter) {
        json.member("id", facts.id)
        endpoint("client", facts.client, to: &json)
        endpoint("server", facts.server, to: &json)
        json.member("community_id", CommunityID.text(facts.client, facts.server))
        if let proxied = facts.proxied {
            json.object("proxied_for") { json in
                endpoint("client", proxied.client, to: &json)
                endpoint("server", proxied.server, to: &json)
            }
        }
        if !facts.tunnels.isEmpty { json.member("tunnel", facts.tunnels) }
        if let server = facts.serverRoundTrip, let client = facts.clientRoundTrip {
            let (sum, overflow) = server.addingReportingOverflow(client)
            if !overflow, sum >= 0 { json.member("handshake_ms", milliseconds: sum) }
        }
        if let tap = facts.tap { json.member("tap", tap) }
        pair("gap_bytes", facts.gapBytes, to: &json)
    }

    private func fields(_ text: HeadText, to json: inout JSONWriter) {
        members("upgrade", .upgrade, of: text, to: &json)
        members("connection", .connection, of: text, to: &json)
        let head = text.head
        // Where all of the head is UTF-8, so is each part of it.
        let isUTF8 = UTF8Walk.isValid(head.bytes[...])
        json.array("headers") { json in
            for line in head.lines {
                let (name, value) = (text.text(head.name(of: line)), text.text(head.value(of: line)))
                json.array { json in
                    json.value(name)
                    json.value(value)
                }
            }
        }
        let isBroken =
            !isUTF8
            && head.lines.contains {
                !text.text(head.name(of: $0)).isUTF8 || !text.text(head.value(of: $0)).isUTF8
            }
        if isBroken {
            json.array("headers_hex") { json in
                for line in head.lines {
                    json.array { json in
                        json.hex(text.text(head.name(of: line)).blotted)
                        json.hex(text.text(head.value(of: line)).blotted)
                    }
                }
            }
        }
        json.member("bytes", head.place.length)
    }

    /// The members of a list field; in hexadecimal as well where one of them is not UTF-8.
    private func members(_ key: String, _ name: FieldName, of text: HeadText?, to json: inout JSONWriter) {
        var isUTF8 = true
        json.array(key) { json in
            text?.forEachMember(name) { member in
                json.value(member)
                isUTF8 = isUTF8 && member.isUTF8
            }
        }
        guard !isUTF8 else { return }
        json.array(key + "_hex") { json in text?.forEachMember(name) { json.hex($0.blotted) } }
    }

    private func request(_ text: HeadText, to json: inout JSONWriter) {
        packet(text.head.place.first, to: &json)
        json.member("method", text.method)
        json.member("target", text.target)
        json.member("version", text.head.versionText)
        if let host = text.host { json.member("host", host) }
        fields(text, to: &json)
    }

    private func response(_ text: HeadText, to json: inout JSONWriter) {
        packet(text.head.place.first, to: &json)
        json.member("status", text.head.status)
        json.member("reason", text.reason)
        json.member("version", text.head.versionText)
        fields(text, to: &json)
    }

    private func early(_ early: EarlyData, to json: inout JSONWriter) {
        json.member("verdict", early.verdict.name)
        json.member("client_bytes", early.clientBytes)
        if let atServer = early.atServerBytes { json.member("at_server_bytes", atServer) }
        if severalCaptures { json.member("capture", early.place.first.capture) }
        json.member("first_packet", early.place.first.packet)
        json.member("looks_like", early.looksLike.name)
    }

    private func websocket(
        _ facts: WebSocketFacts, _ validity: Validity, _ request: HeadText?, _ response: HeadText?, isSeen: Bool,
        to json: inout JSONWriter
    ) {
        let sides = facts.sides
        if let request, let version = request.head.value(.secWebSocketVersion) {
            json.member("version", request.text(version))
        }
        if let valid = validity.isKeyValid { json.member("key_valid", valid) }
        if let valid = validity.isAcceptValid { json.member("accept_valid", valid) }
        members("subprotocols_offered", .secWebSocketProtocol, of: request, to: &json)
        if let response, let chosen = response.head.value(.secWebSocketProtocol) {
            json.member("subprotocol", response.text(chosen))
        }
        members("extensions_offered", .secWebSocketExtensions, of: request, to: &json)
        members("extensions", .secWebSocketExtensions, of: response, to: &json)
        if let draft = facts.draft.word { json.member("draft", draft) }
        json.object("frames") { json in
            for direction in Direction.allCases {
                frames(direction.name, sides[direction].frames, to: &json)
            }
        }
        json.object("messages") { json in
            for direction in Direction.allCases {
                json.object(direction.name) { json in
                    json.member("text", sides[direction].textMessages)
                    json.member("binary", sides[direction].binaryMessages)
                }
            }
        }
        let (client, server) = (sides.client, sides.server)
        pair("payload_bytes", PerDirection(client: client.payloadBytes, server: server.payloadBytes), to: &json)
        pair("wire_bytes", PerDirection(client: client.wireBytes, server: server.wireBytes), to: &json)
        if facts.agreement.deflate {
            json.object("compression") { compression(facts, isAgreed: isSeen, to: &$0) }
        }
        if !client.resumed.isEmpty || !server.resumed.isEmpty {
            json.object("after_gap") { json in
                for direction in Direction.allCases {
                    guard let resumed = sides[direction].resumed.first else { continue }
                    json.object(direction.name) { self.resumed(resumed, to: &$0) }
                }
            }
        }
        json.object("close") { json in
            for direction in Direction.allCases {
                guard let close = sides[direction].close else { continue }
                json.object(direction.name) { self.close(close, to: &$0) }
            }
            json.member("clean", client.close != nil && server.close != nil)
            json.member("by", facts.closedBy)
        }
        if let times = facts.pings.spread {
            json.object("ping_rtt_ms") { json in
                json.member("count", facts.pings.count)
                json.member("min", milliseconds: times.min)
                json.member("median", milliseconds: times.median)
                json.member("max", milliseconds: times.max)
            }
        }
    }

    private func frames(_ key: String, _ frames: [16 of UInt64], to json: inout JSONWriter) {
        json.object(key) { json in
            for opcode in frames.indices where frames[opcode] > 0 {
                json.member(WebSocketFacts.opcodeName(opcode), frames[opcode])
            }
        }
    }

    private func close(_ close: CloseFact, to json: inout JSONWriter) {
        if let code = close.code { json.member("code", code) }
        json.member("reason", CapturedText(close.reason))
        if severalCaptures { json.member("capture", close.place.first.capture) }
        json.member("packet", close.place.first.packet)
    }

    /// What permessage-deflate was agreed to do, and what it did (RFC 7692 7.1).
    private func compression(_ facts: WebSocketFacts, isAgreed: Bool, to json: inout JSONWriter) {
        for direction in Direction.allCases {
            let side = facts.sides[direction]
            let isServer = direction == .server
            json.object(direction.name) { json in
                if isAgreed {
                    let forgets =
                        isServer ? facts.agreement.serverNoContextTakeover : facts.agreement.clientNoContextTakeover
                    json.member(
                        "max_window_bits",
                        isServer ? facts.agreement.serverMaxWindowBits : facts.agreement.clientMaxWindowBits)
                    json.member("context_takeover", !forgets)
                }
                json.member("messages", side.compressedMessages)
                json.member("compressed_bytes", side.compressedBytes)
                json.member("inflated_bytes", side.inflatedBytes)
                if let ratio = side.inflation { json.member("ratio", decimal: ratio) }
            }
        }
    }

    private func resumed(_ resumed: ResumedFrames, to json: inout JSONWriter) {
        json.member("certainty", "inferred")
        packet(resumed.place.first, to: &json)
        json.member("stream_offset", resumed.place.offset)
        json.member("times", resumed.times)
        frames("frames", resumed.frames, to: &json)
        json.object("messages") { json in
            json.member("text", resumed.textMessages)
            json.member("binary", resumed.binaryMessages)
        }
        json.member("payload_bytes", resumed.payloadBytes)
        json.member("wire_bytes", resumed.wireBytes)
        if let close = resumed.close { json.object("close") { self.close(close, to: &$0) } }
    }

    /// A fact as its reader said it.
    private func value(_ fact: FactValue, to json: inout JSONWriter) {
        switch fact {
        case .number(let number): json.value(number)
        case .flag(let flag): json.value(flag)
        case .word(let word): json.value(word)
        case .captured(let bytes):
            json.value(CapturedText(bytes, secrets: showSecrets ? [] : Redaction.secretRanges(in: bytes[...])))
        case .list(let values): json.array { json in for fact in values { value(fact, to: &json) } }
        case .object(let members):
            json.object { json in
                for member in members {
                    json.key(member.name)
                    value(member.value, to: &json)
                }
            }
        }
    }

    // MARK: Findings

    /// All fields but those that hold numbers of the report.
    package func finding(_ finding: Finding, mark: Arrival, to json: inout JSONWriter) {
        json.member("rule", finding.rule)
        json.member("name", finding.name)
        json.member("level", finding.level.name)
        json.member("certainty", finding.certainty.name)
        json.member("at_fault", finding.fault.name)
        if let connection = finding.connection { json.member("connection", connection) }
        if !finding.withheld.isEmpty { json.member("withheld", finding.withheld) }
        json.member("message", finding.message)
        json.member("count", finding.count)
        json.member("source", finding.source)
        if !finding.fix.isEmpty { json.member("fix", finding.fix) }
        json.member("fingerprint", finding.fingerprint)
        json.member("wireshark_filter", finding.wiresharkFilter(mark: mark))
        json.array("evidence") { json in
            for evidence in finding.evidence {
                json.object { json in
                    packet(evidence.place.first, to: &json)
                    json.member("direction", evidence.place.direction.name)
                    json.member("stream_offset", evidence.place.offset)
                    json.member("length", evidence.place.length)
                    json.member("excerpt", evidence.text)
                    json.member("label", evidence.label)
                }
            }
        }
    }

    // MARK: The table of connections

    func connectionRow(_ record: ConnectionRecord, to json: inout JSONWriter) {
        let facts = record.facts
        json.member("id", facts.id)
        if severalCaptures { json.member("capture", facts.first.capture) }
        endpoint("client", facts.client, to: &json)
        endpoint("server", facts.server, to: &json)
        json.member("community_id", CommunityID.text(facts.client, facts.server))
        if !facts.tunnels.isEmpty { json.member("tunnel", facts.tunnels) }
        if let original = record.copyOf { json.member("copy_of", original) }
        json.member("first", facts.first.packet)
        json.member("last", facts.last.packet)
        json.member("packets", record.packets)
        json.member("protocol", record.application.name)
        json.member("start", record.startedMidstream ? "midstream" : "syn")
        json.member("end", record.end.name)
        json.object("streams") { json in
            for direction in Direction.allCases {
                let stream = record.streams[direction]
                json.object(direction.name) { json in
                    json.member("bytes", stream.bytes)
                    json.member("contiguous", stream.contiguous)
                    json.member("gap_bytes", stream.gapBytes)
                    json.member("retransmitted_bytes", stream.retransmittedBytes)
                    json.member("out_of_order_segments", stream.outOfOrderSegments)
                    json.member("conflicts", stream.conflicts)
                    if let digest = stream.digest {
                        json.key("sha256")
                        json.hex(digest)
                    }
                }
            }
        }
    }
}
