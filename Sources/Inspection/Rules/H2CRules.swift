// h2c by Upgrade (RFC 7540 3.2; deprecated by RFC 9113 3.1). Deprecated is not forbidden: hence warnings.

import Ground
import Traffic

enum H2CRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "H2C001", "h2c-upgrade-offered", .warning, .client, core: true,
            source: "RFC 9113 3.1, 11.2",
            title: "h2c offered by Upgrade",
            requirement: """
                Using h2c by Upgrade is deprecated and the token obsolete; prior knowledge (clear text) or ALPN \
                (TLS) replaced it. A use of h2c is always reported.
                """,
            detect: "Upgrade of a request has the member h2c (any case, any position).",
            why: """
                The token is obsolete and hardly tested any more, and a proxy that passes it on opens a tunnel past \
                its own rules.
                """,
            fix: """
                Clients: prior knowledge on clear text, or ALPN on TLS.
                \(Recipe.noH2C)
                """,
            trigger: "H2CREQ",
            nearMiss: "`PRI * HTTP/2.0` as first bytes",
            when: [.upgradeField, .offersH2C]
        ) { it in
            [
                it.found(
                    "The request offers h2c by Upgrade, which RFC 9113 deprecates.",
                    at: it.lines(.upgrade, .http2Settings, .userAgent, of: it.request))
            ]
        }
        Rule(
            "H2C002", "h2c-settings-count", .error, .client,
            source: "RFC 7540 3.2, 3.2.1",
            title: "HTTP2-Settings not exactly one, or not nominated in Connection",
            requirement: "Exactly one field, and its name listed as a connection option.",
            detect: "h2c offered and (field line count != 1 or Connection lacks `http2-settings`).",
            why: """
                A server must not switch without exactly one HTTP2-Settings, and a proxy that does not see it \
                nominated passes it on.
                """,
            fix: "Correct the client: one HTTP2-Settings field, and Connection: Upgrade, HTTP2-Settings.",
            trigger: "H2CREQ without HTTP2-Settings",
            nearMiss: "H2CREQ",
            when: [.upgradeField, .offersH2C]
        ) { it in
            guard it.facts.holdsAny([.settingsNotOne, .settingsNotNominated]), let request = it.request else {
                return []
            }
            let count = request.members(.http2Settings).count
            var seen: [String] = []
            if it.facts.contains(.settingsNotOne) {
                seen.append(
                    request.has(.http2Settings)
                        ? "HTTP2-Settings has \(max(count, request.count(.http2Settings))) values"
                        : "HTTP2-Settings is missing")
            }
            if it.facts.contains(.settingsNotNominated) { seen.append("Connection does not name HTTP2-Settings") }
            return [
                it.found(
                    "h2c is offered, but \(Words.list(seen)).", fault: it.sender,
                    at: it.lines(.upgrade, .connection, .http2Settings, of: request))
            ]
        }
        Rule(
            "H2C003", "h2c-settings-malformed", .error, .client,
            source: "RFC 7540 3.2.1, 6.5",
            title: "HTTP2-Settings does not decode to a SETTINGS payload",
            requirement: "base64url, no \"=\" padding needed, decoded length multiple of 6, legal values.",
            detect: """
                chars outside [A-Za-z0-9_-] (allow trailing "=" as warning), len%6 != 0, ENABLE_PUSH not 0/1, \
                INITIAL_WINDOW_SIZE>2^31-1, MAX_FRAME_SIZE outside 2^14..2^24-1.
                """,
            why: """
                The value is the first SETTINGS frame of the client. Where it does not decode, servers refuse or \
                start with wrong limits.
                """,
            fix: "Correct the client: base64url without padding of a SETTINGS payload.",
            trigger: "`HTTP2-Settings: AAMAAABk+w==`",
            nearMiss: "`HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA` (18 bytes)",
            when: [.upgradeField, .offersH2C, .settings]
        ) { it in
            // Two values are another rule's matter.
            guard let request = it.request, !it.facts.contains(.settingsNotOne),
                let value = request.value(.http2Settings),
                let fault = SettingsPayload.fault(of: value)
            else { return [] }
            return [
                it.found(
                    "HTTP2-Settings “\(it.value(.http2Settings, of: request))” \(fault.words).", level: fault.level,
                    at: it.lines(.http2Settings, of: request))
            ]
        }
        Rule(
            "H2C004", "h2c-101-despite-bad-settings", .error, .server,
            source: "RFC 7540 3.2.1",
            title: "Server switched to h2c although settings were missing or repeated",
            requirement: "It must not upgrade without exactly one field.",
            detect: "101 h2c and H2C002 count condition.",
            why: "The server starts HTTP/2 with settings it made up, and the client does not know them.",
            fix: """
                Update the server, or switch the h2c upgrade off.
                \(Recipe.noH2C)
                """,
            trigger: "no settings -> 101",
            nearMiss: "no settings -> 200",
            scope: [.h2c],
            when: [.status101, .selectsH2C, .settingsNotOne]
        ) { it in
            [
                it.found(
                    "The server switched to h2c although the request did not have exactly one HTTP2-Settings.",
                    at: [it.requestHead, it.responseHead])
            ]
        }
        Rule(
            "H2C005", "h2c-client-preface-missing", .error, .client,
            source: "RFC 7540 3.2, 3.5",
            title: "Client did not send the connection preface after 101",
            requirement: "First client bytes after the switch: 24-octet preface then SETTINGS.",
            detect: "c2s at end(request): prefix != preface, or next frame type != 4 / stream != 0 / ACK set.",
            why: "The server waits for the preface and closes when it meets anything else.",
            fix: "Correct the client: the 24 bytes of the preface and a SETTINGS frame, right behind the request.",
            trigger: "101 then `GET /2`",
            nearMiss: "101 then `PRI ... SM\\r\\n\\r\\n` `00 00 00 04 00 00 00 00 00`",
            needsEveryByte: true,
            scope: [.h2c],
            when: [.status101, .anomalies]
        ) { it in
            let anomaly = it.exchange.anomalies.first { anomaly in
                anomaly.kind == .prefaceMissing
                    || anomaly.kind == .firstFrameNotSettings && anomaly.place.direction == .client
            }
            guard let anomaly else { return [] }
            let isText = anomaly.excerpt.prefix(24).allSatisfy { 0x20..<0x7f ~= $0 || $0 == 0x0d || $0 == 0x0a }
            let seen =
                isText
                ? "“\(Words.plain(anomaly.excerpt[...].text, limit: 24))”" : Digits.hex(anomaly.excerpt.prefix(8))
            return [
                it.found(
                    "After the switch to h2c the client began with \(seen), "
                        + "not with the preface and SETTINGS.",
                    at: [it.raw("first client bytes", anomaly.place, anomaly.excerpt)])
            ]
        }
        Rule(
            "H2C006", "h2c-server-first-frame-not-settings", .error, .server,
            source: "RFC 7540 3.2, 3.5",
            title: "First server frame after 101 is not SETTINGS",
            requirement: "Server preface is a (possibly empty) SETTINGS frame.",
            detect: "First 9 bytes after 101 head: type!=4 or ACK flag or stream!=0.",
            why: "The client must treat the connection as broken.",
            fix: "Correct the server: a SETTINGS frame first, even an empty one.",
            trigger: "`00 00 04 08 ..` first",
            nearMiss: "`00 00 00 04 00 00 00 00 00` first",
            needsEveryByte: true,
            scope: [.h2c],
            when: [.status101, .anomalies]
        ) { it in
            let anomaly = it.exchange.anomalies.first {
                $0.kind == .firstFrameNotSettings && $0.place.direction == .server
            }
            guard let anomaly else { return [] }
            return [
                it.found(
                    "The first frame of the server after the switch to h2c is no SETTINGS frame "
                        + "(\(Digits.hex(anomaly.excerpt.prefix(9)))).",
                    at: [it.raw("first server frame", anomaly.place, anomaly.excerpt)])
            ]
        }
        Rule(
            "H2C007", "h2c-stream1-misused", .error, .unknown,
            source: "RFC 7540 3.2, 5.1.1",
            title: "Stream 1 reused by client or never answered by server",
            requirement: """
                Stream 1 is the upgraded request, half-closed from the client; server answers on it; client's next \
                stream is >=3.
                """,
            detect: """
                client HEADERS/DATA on stream 1 (error client); no HEADERS on stream 1 from server within 30 s \
                (warning server).
                """,
            why:
                "The server takes a second request on stream 1 for a protocol error; the first one waits for its answer.",
            fix: "Correct the client: its first own stream is 3. Correct the server: answer the upgraded request on 1.",
            trigger: "C> HEADERS sid=1",
            nearMiss: "C> HEADERS sid=3, S> HEADERS sid=1",
            scope: [.h2c],
            when: [.status101, .selectsH2C]
        ) { it in
            var findings = it.frames(.upgradedStreamReused) { _ in
                "used stream 1, which its upgraded request has closed"
            }
            guard let server = it.exchange.http2?.sides.server, let response = it.response,
                server.firstOnUpgraded == nil, !it.facts.holdsAny([.holes, .oneDirection]),
                // GOAWAY, and whatever ends the connection, comes before an answer.
                server.frames[3] == 0, server.frames[7] == 0
            else { return findings }
            let waited = it.watchedUntil.nanoseconds(since: response.place.last.time)
            guard waited >= it.thresholds.upgradedAnswer.seconds else { return findings }
            findings.append(
                it.found(
                    "The server did not answer the upgraded request on stream 1 for \(DurationText.plain(waited)).",
                    level: .warning, fault: .server, at: [it.requestLine, it.statusLine]))
            return findings
        }
        Rule(
            "H2C008", "h2c-server-sends-h2-or-settings", .error, .server,
            source: "RFC 7540 3.2, 3.2.1",
            title: "Server selects \"h2\" in 101 or sends HTTP2-Settings",
            requirement: "h2 is ALPN only; HTTP2-Settings is request only.",
            detect: "101 Upgrade has h2, or any response has HTTP2-Settings.",
            why: """
                Neither belongs into a response: h2 is chosen in the TLS handshake, and HTTP2-Settings is a field of \
                requests.
                """,
            fix: "Correct the server.",
            trigger: "101 `Upgrade: h2`",
            nearMiss: "101 `Upgrade: h2c`",
            when: [.upgradeField, .namesHTTP2]
        ) { it in
            let namesH2 = it.facts.contains(.status101) && it.facts.contains(.namesH2)
            return [
                it.found(
                    namesH2
                        ? "The 101 switches to “h2”, which only TLS can choose." : "The answer carries HTTP2-Settings.",
                    at: [it.statusLine] + it.lines(.upgrade, .http2Settings, of: it.response))
            ]
        }
        Rule(
            "H2C010", "h2c-selected", .warning, .server, core: true,
            source: "RFC 9113 3.1, 11.2",
            title: "Server switched to h2c",
            requirement: """
                Selecting the deprecated token keeps a raw HTTP/2 tunnel reachable behind an HTTP/1.1 front.
                """,
            detect: "101 whose Upgrade has the member h2c.",
            why: """
                A raw HTTP/2 tunnel is now open on a connection that HTTP/1.1 front ends believe they understand; \
                requests inside it pass their rules unseen.
                """,
            fix: """
                Switch the h2c upgrade off at the server (Apache: H2Upgrade off) and keep prior knowledge.
                \(Recipe.noH2C)
                """,
            trigger: "H2CREQ -> H2CRSP",
            nearMiss: "H2CREQ -> 200",
            when: [.status101, .selectsH2C]
        ) { it in
            [
                it.found(
                    "The server switched to h2c, which RFC 9113 deprecates.",
                    at: it.lines(.upgrade, of: it.request) + [
                        it.responseHead, it.switched(.client), it.switched(.server),
                    ])
            ]
        }
    }
}

/// What can be wrong with the value of HTTP2-Settings (RFC 7540 3.2.1, 6.5.2).
private enum SettingsPayload {
    static func fault(of value: ArraySlice<UInt8>) -> (words: String, level: Level)? {
        var digits = value
        while digits.last == UInt8(ascii: "=") { digits = digits.dropLast() }
        guard let payload = Base64.decodeURL(digits) else { return ("is not base64url", .error) }
        guard payload.count % 6 == 0 else {
            return ("decodes to \(payload.count) bytes, which is no multiple of six", .error)
        }
        for start in stride(from: 0, to: payload.count, by: 6) {
            let setting = UInt16(payload[start]) << 8 | UInt16(payload[start + 1])
            let number = payload[(start + 2)..<(start + 6)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            if setting == 2, number > 1 { return ("sets ENABLE_PUSH to \(number)", .error) }
            if setting == 4, number > 0x7fff_ffff { return ("sets INITIAL_WINDOW_SIZE to \(number)", .error) }
            if setting == 5, !(16_384...16_777_215).contains(number) {
                return ("sets MAX_FRAME_SIZE to \(number)", .error)
            }
        }
        return digits.count == value.count ? nil : ("ends in padding, which it must not have", .warning)
    }
}
