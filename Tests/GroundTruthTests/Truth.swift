// What is known to be true of a capture, in the words of the comparison.
//
// The two sets of captures say it in different shapes (the lab's, and two groups of third-party ones). All
// become the same: named facts as text, and violations as the rules that should speak. What a later part
// brings is named as pending here, in one place, and nowhere else.

import Foundation

/// A violation as the truth has it.
struct TruthViolation {
    /// The truth's own name for it.
    var name: String
    /// The rules that say the same; any of them will do, and none is there when the catalogue has none.
    var rules: [String]
    var sure: Bool
}

/// An exchange as the truth has it.
struct TruthExchange {
    /// From 1, in the order of the truth.
    var number: Int
    var client: String
    var server: String
    var method: String
    var target: String
    /// Not to be seen yet, and why.
    var pending: String?
    /// Pending, but compared where it is found.
    var mayBeSeen = false
    /// No exchange by definition A of the catalogue: no offer, no CONNECT, no 101.
    var mayBeAbsent = false
    var facts: [String: String] = [:]
    var violations: [TruthViolation] = []
}

/// One direction of one connection.
struct TruthStream {
    var source: String
    var destination: String
    var bytes: Int
    var contiguous: Int
    var digest: String?
}

/// A capture as the truth has it.
struct Truth {
    /// Facts about the whole capture.
    var facts: [String: String] = [:]
    var exchanges: [TruthExchange] = []
    /// In the order of the connections; client and server stream of a pair follow one another.
    var streams: [TruthStream] = []
    /// The truth's own doubts.
    var unsure: [String] = []
}

extension Truth {
    init(contentsOf url: URL) throws {
        let json = try JSONValue(contentsOf: url)
        if json["capture"].exists {
            self.init(lab: json)
        } else {
            self.init(thirdParty: json)
        }
    }

    // MARK: The lab's captures

    private init(lab json: JSONValue) {
        unsure = json["unsure"].strings
        for name in ["http_requests", "tcp_streams"] {
            if let count = json[name].int { facts[name] = String(count) }
        }
        let encrypted = json["tls_streams"].array.filter { $0["after_plain"].bool != true }.map { stream in
            "\(stream["client"].string ?? "")>\(stream["server"].string ?? "")"
        }
        // With keys the truth has what a later part decrypts: its requests count, its streams are not TLS.
        if json["keylog"].exists {
            facts["http_requests"] = nil
        } else {
            facts["tls_connections"] = String(Set(encrypted).count)
        }
        for (index, exchange) in json["exchanges"].array.enumerated() {
            exchanges.append(TruthExchange(lab: exchange, number: index + 1))
        }
    }

    // MARK: Captures made by others

    private init(thirdParty json: JSONValue) {
        if let packets = json["packets"].int { facts["packets"] = String(packets) }
        if let streams = json["tcp_streams"].int { facts["tcp_streams"] = String(streams) }
        if let snapped = json["snap_truncated_packets"].int { facts["snap_truncated_packets"] = String(snapped) }
        if let error = json["reader_error_expected"].value as? NSNumber {
            facts["reader_error"] = error.boolValue ? "yes" : "no"
        }
        for (index, exchange) in json["exchanges"].array.enumerated() {
            let kind = exchange["kind"].string ?? ""
            // A preface without an upgrade and an advertised protocol are no exchanges: finding one is wrong.
            guard kind == "upgrade" || kind == "connect" else { continue }
            exchanges.append(TruthExchange(thirdParty: exchange, number: index + 1))
        }
        let pairs = json["http_stream_bytes"].array.sorted { ($0["stream"].int ?? 0) < ($1["stream"].int ?? 0) }
        for pair in pairs {
            for (source, destination) in [("node0", "node1"), ("node1", "node0")] {
                guard let bytes = pair["\(source)_bytes"].int, let from = pair[source].string,
                    let to = pair[destination].string
                else { continue }
                let contiguous = pair["\(source)_contiguous_from_start"].int ?? bytes
                let conflicts = pair["\(source)_stats"]["conflict"].int ?? 0
                streams.append(
                    TruthStream(
                        source: plainEndpoint(from), destination: plainEndpoint(to), bytes: bytes,
                        contiguous: contiguous,
                        digest: contiguous == bytes && conflicts == 0 ? pair["\(source)_sha256"].string : nil))
            }
        }
    }
}

/// An endpoint without brackets around IPv6.
func plainEndpoint(_ text: String) -> String {
    text.replacing("[", with: "").replacing("]", with: "")
}

/// Counts by name, in order, without those that are 0.
func listing(_ counts: [String: Int]) -> String {
    counts.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
}

extension TruthExchange {
    fileprivate init(lab json: JSONValue, number: Int) {
        self.init(
            number: number, client: plainEndpoint(json["client"].string ?? ""),
            server: plainEndpoint(json["server"].string ?? ""), method: json["method"].string ?? "",
            target: json["target"].string ?? "")
        let status = json["status"].int
        let offered = json["upgrade_offered"].strings
        if json["http_version"].string == "3" {
            pending = "exchanges over HTTP/3"
        } else if json["tls"].bool == true {
            pending = "encrypted exchanges"
        } else if json["stream_id"].exists {
            pending = "exchanges over HTTP/2"
        } else if json["inside_connect"].bool == true {
            pending = "exchanges inside a tunnel"
            mayBeSeen = true
        }
        mayBeAbsent = offered.isEmpty && method != "CONNECT" && status != 101

        facts["http_version"] = json["http_version"].string
        facts["method"] = method
        facts["target"] = target
        facts["host"] = json["host"].string
        facts["offer"] = offered.joined(separator: ", ")
        facts["connection"] = json["connection"].strings.joined(separator: ", ")
        facts["status"] = status.map { String($0) } ?? "none"
        facts["interim"] = json["interim_statuses"].array.compactMap { $0.int.map { String($0) } }.joined(
            separator: " ")
        facts["selection"] = json["upgrade_selected"].strings.joined(separator: ", ")
        facts["outcome"] = Self.outcome(json["outcome"].string ?? "", status: status)
        // The lab calls a 101 that the client has to abort "failed"; here it is a switch that is not valid.
        if json["outcome"].string == "failed", status == 101 { facts["valid"] = "false" }
        if json["outcome"].string == "switched" { facts["protocol"] = json["protocol"].string?.lowercased() }
        for fact in ["early_client_bytes", "early_server_bytes"] where json[fact].exists {
            facts[fact] = json[fact].int.map { "\($0)" }
        }
        if let look = json["early_bytes_look_like_http"].bool { facts["early_looks_like_http"] = look ? "yes" : "no" }
        if let answered = json["early_bytes_answered_as_http"].bool {
            facts["early_answered"] = answered ? "yes" : "no"
        }
        for side in ["client", "server"] {
            if json["ws_frames"].exists { facts["frames.\(side)"] = listing(json["ws_frames"][side].counts) }
            if json["ws_messages"].exists { facts["messages.\(side)"] = json["ws_messages"][side].int.map { "\($0)" } }
            if json["close_code"].exists {
                facts["close.\(side)"] = json["close_code"][side].int.map { "\($0)" } ?? "none"
            }
            if json["bytes_after_switch"].exists {
                facts["bytes_after_switch.\(side)"] = json["bytes_after_switch"][side].int.map { "\($0)" }
            }
            if json["h2"].exists { facts["h2.frames.\(side)"] = listing(json["h2"]["frames"][side].counts) }
        }
        if let preface = json["h2"]["client_preface"].bool { facts["h2.preface"] = preface ? "yes" : "no" }
        if json["extensions"].exists { facts["extensions"] = json["extensions"].strings.joined(separator: ", ") }
        if let subprotocol = json["subprotocol"].string { facts["subprotocol"] = subprotocol }
        for violation in json["violations"].array {
            let name = violation["what"].string ?? ""
            let token = method == "CONNECT" ? "CONNECT" : offered.last ?? ""
            violations.append(
                TruthViolation(
                    name: name, rules: Self.rules(for: name, token: token), sure: violation["sure"].bool ?? true))
        }
    }

    fileprivate init(thirdParty json: JSONValue, number: Int) {
        let line = (json["request_line"].string ?? "").split(separator: " ").map { String($0) }
        self.init(
            number: number, client: plainEndpoint(json["client"].string ?? ""),
            server: plainEndpoint(json["server"].string ?? ""), method: line.first ?? "",
            target: line.count > 1 ? line[1] : "")
        let status = json["status"].int
        facts["method"] = method
        facts["target"] = target
        facts["host"] = json["host"].string
        facts["offer"] = json["offered"].strings.joined(separator: ", ")
        facts["connection"] = json["request_connection"].strings.joined(separator: ", ")
        facts["status"] = status.map { String($0) } ?? "none"
        facts["selection"] = json["response_upgrade"].strings.joined(separator: ", ")
        facts["response_connection"] = json["response_connection"].strings.joined(separator: ", ")
        facts["protocol"] = json["switched_to"].string?.lowercased()
        facts["outcome"] = Self.outcome(json["switched_to"].exists ? "switched" : "", status: status)
        if json["client_bytes_before_response"].exists {
            facts["early_client_bytes"] = json["client_bytes_before_response"].int.map { "\($0)" }
        }
        for name in ["request", "response"] {
            let frames = json["\(name)_frames"].array.compactMap { $0.int }
            if frames.count == 2 { facts["\(name)_packets"] = "\(frames[0])-\(frames[1])" }
        }
        let opcodes = ["cont": "0", "text": "1", "binary": "2", "close": "8", "ping": "9", "pong": "10"]
        for side in ["client", "server"] where json["ws_frames"].exists {
            var counts: [String: Int] = [:]
            for (name, count) in json["ws_frames"][side].counts { counts[opcodes[name] ?? name] = count }
            facts["frames.\(side)"] = listing(counts)
        }
        let websocket = json["websocket"]
        if websocket.exists {
            facts["websocket.key"] = websocket["key"].string
            facts["websocket.version"] = websocket["version"].string
            facts["websocket.accept"] = websocket["accept"].string
            facts["websocket.accept_valid"] = websocket["accept_valid"].bool.map { $0 ? "yes" : "no" }
            facts["subprotocol"] = websocket["protocol_selected"].string
            facts["subprotocols_offered"] = websocket["protocols_offered"].strings.joined(separator: ", ")
            facts["extensions"] = websocket["extensions_selected"].strings.joined(separator: ", ")
            facts["extensions_offered"] = websocket["extensions_offered"].strings.joined(separator: ", ")
        }
        for violation in json["violations"].array {
            let name = violation["code"].string ?? ""
            let server = violation["side"].string == "server"
            violations.append(
                TruthViolation(
                    name: name, rules: Self.rules(for: server ? "\(name)/server" : name, token: ""),
                    sure: violation["sure"].bool ?? true))
        }
    }

    /// The outcome by definition A of the catalogue; for the truth everything not switched is "declined".
    private static func outcome(_ word: String, status: Int?) -> String {
        guard let status else { return "incomplete" }
        switch status {
        case 101: return "switched"
        case 200..<300 where word == "switched": return "switched"
        case 200..<300, 304: return "declined"
        case 426: return "required"
        case 300..<400: return "redirected"
        default: return "failed"
        }
    }

    /// The truth's names for violations, as rules of the catalogue.
    private static func rules(for name: String, token: String) -> [String] {
        if name == "optimistic-data" {
            switch token.lowercased() {
            case "websocket": return ["EARLY001"]
            case "connect-udp", "connect-ip", "connect-tcp": return ["EARLY002"]
            case "connect": return ["CON001"]
            case "h2c": return ["EARLY007", "UPG009"]
            case let token where token.hasPrefix("tls/"): return ["EARLY006"]
            default: return ["EARLY003", "UPG009"]
            }
        }
        return names[name] ?? []
    }

    private static let names: [String: [String]] = [
        "101-protocol-not-offered": ["RES003"], "101-to-http10": ["RES006"], "101-unsolicited": ["RES005"],
        "101-with-content-length": ["RES007"], "101-without-connection-upgrade": ["RES002"],
        "101-without-upgrade": ["RES001"], "426-without-connection-upgrade": ["RES002"],
        "426-without-upgrade": ["RES010"], "connection-upgrade-without-upgrade": ["UPG002"],
        "h2-101": ["H2W002"], "h2-connection-header": ["H2W001"], "h2-token-in-upgrade": ["UPG006"],
        "h2-token-in-upgrade/server": ["RES015"], "h2c-over-tls": ["H2C001"],
        "h2c-upgrade-deprecated": ["H2C001"], "h2c-deprecated": ["H2C001"], "h2c-deprecated/server": ["H2C010"],
        "http2-settings-invalid": ["H2C003"], "http2-settings-missing": ["H2C002"],
        "http2-settings-multiple": ["H2C002"], "http2-settings-not-in-connection": ["H2C002"],
        "obs-fold": ["SMG003"], "optimistic-data-parsed-as-request": ["EARLY005"],
        "server-data-before-response": ["EARLY008"], "upgrade-in-http10": ["UPG004"],
        "upgrade-without-connection": ["UPG001"], "ws-accept-wrong": ["WS009"], "ws-bad-close-code": ["WSF011"],
        "ws-bad-close-payload": ["WSF011", "WSF007"], "ws-bad-continuation": ["WSF008"],
        "ws-control-fragmented": ["WSF007"], "ws-control-too-long": ["WSF007"], "ws-data-after-close": ["WSF012"],
        "ws-data-interleaved": ["WSF009"], "ws-extension-not-offered": ["WS011"],
        "ws-h2-without-setting": ["H2W003"], "ws-invalid-utf8": ["WSF010"], "ws-masked-server-frame": ["WSF002"],
        "ws-method-not-get": ["UPG008"], "ws-nonminimal-length": ["WSF006"], "ws-reserved-opcode": ["WSF005"],
        "ws-rsv-bits": ["WSF004"], "ws-subprotocol-not-offered": ["WS010"],
        "ws-unmasked-client-frame": ["WSF001"], "ws-client-frame-unmasked": ["WSF001"],
        "ws-version-not-13": ["WS005"], "ws-key-not-16-bytes": ["WS002"],
    ]
}
