// What the capture does not show. These never blame an endpoint: they say what could not be seen, and which rules
// had to be silent for it. Where an exchange is affected the finding belongs to the exchange; a connection is
// reported only where HTTP was seen on it, so that foreign traffic does not flood a report.

import Traffic

enum CaptureRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "CAP001", "cap-one-direction", .note, .capture,
            source: "-",
            title: "Only one direction captured",
            requirement: "Verdicts needing both sides are withheld.",
            detect: "Stream with data one way and acks advancing on the other.",
            why: """
                Whatever compares the two sides could not be judged: what was offered and what was answered, and \
                what was sent too early.
                """,
            fix: "Mirror both directions to the capturing port, or capture on the host itself.",
            trigger: "c2s only",
            nearMiss: "both",
            when: [.oneDirection],
            check: { it in
                let packets = it.exchange.connection.packets
                let missing = packets.server == 0 ? "server" : "client"
                let shown = it.requestLine ?? it.statusLine ?? it.switched(.client) ?? it.switched(.server)
                let counts =
                    "\(Words.count(Int64(clamping: packets.client), "packet")) from the client, "
                    + "\(packets.server) from the server"
                return [
                    it.found(
                        "Nothing of the \(missing) was captured (\(counts)).",
                        withheld: CaptureRules.needingEveryByte(in: it.facts), at: [shown])
                ]
            },
            onConnection: [.oneDirection],
            connection: { it in
                guard let seen = it.record.oneDirection, it.record.exchanges == 0, !it.record.encrypted,
                    it.record.application == .http
                else { return [] }
                return [
                    it.found(
                        "Only the bytes of the \(seen.name) were captured; the other side's were acknowledged "
                            + "and never seen.",
                        withheld: CaptureRules.needingEveryByte(in: nil),
                        at: [
                            it.record.firstPayload[seen].map { mark in it.packet("first packet with data", mark, seen) }
                        ])
                ]
            }
        )
        Rule(
            "CAP002", "cap-gap", .note, .capture,
            source: "-",
            title: "Bytes missing (loss, snaplen, offload) or stream ends inside a message/frame",
            requirement: "ACK for unseen data, sequence hole, or caplen<len.",
            detect: """
                Rules whose span touches the hole become undetermined; resync only at a new connection (or HTTP \
                message boundary that is unambiguous).
                """,
            why: """
                A verdict that would need the missing bytes is not given; the rest of that direction may be \
                unreadable.
                """,
            fix: "tcpdump -s 0 -B 65536, and a faster disk or a narrower filter.",
            trigger: "hole of 1448",
            nearMiss: "late retransmit",
            when: [.holes],
            check: { it in
                let holes = it.exchange.anomalies.filter { $0.kind == .gapAfterSwitch || $0.kind == .syncLost }
                let bytes = it.exchange.connection.gapBytes
                let amount = [
                    bytes.client > 0 ? "\(Words.count(bytes.client, "byte")) of the client" : nil,
                    bytes.server > 0 ? "\(Words.count(bytes.server, "byte")) of the server" : nil,
                ].compactMap { $0 }
                // Nothing is missing, and yet the place was lost.
                let misread = holes.first { $0.kind == .syncLost && !$0.excerpt.isEmpty }
                if let misread, !it.facts.contains(.gap), !holes.contains(where: { $0.kind == .gapAfterSwitch }) {
                    return [
                        it.found(
                            "Behind what reads as the reserved opcode \(misread.value) the \(misread.place.direction.name)'s "
                                + "bytes are no frames: where one begins is not known.",
                            withheld: CaptureRules.needingFrames(in: it.facts),
                            at: [it.raw("last header that was read", misread.place, misread.excerpt)])
                    ]
                }
                // Where nothing is missing, what is there could not be read: a head beyond the limit, say.
                let lack = amount.isEmpty ? "Bytes could not be read" : "\(Words.list(amount)) are missing"
                var place =
                    it.facts.contains(.gap) ? "between the request and the end of its answer" : "behind the switch"
                for direction in Direction.allCases {
                    guard let resumed = it.exchange.websocket?.sides[direction].resumed.first else { continue }
                    let frames = Words.count(Int64(clamping: resumed.headers), "frame")
                    place +=
                        "; \(frames) of the \(direction.name) \(resumed.headers == 1 ? "was" : "were") found again from packet "
                    place += "\(resumed.place.first.packet) on, which is inferred"
                }
                var withheld = it.facts.contains(.gap) ? CaptureRules.needingEveryByte(in: it.facts) : []
                if !holes.isEmpty { withheld += CaptureRules.needingFrames(in: it.facts) }
                return [
                    it.found(
                        "\(lack), \(place).", withheld: withheld,
                        at: holes.prefix(4).map { it.raw("gap", $0.place, []) } + [
                            holes.isEmpty ? it.requestLine ?? it.statusLine : nil
                        ])
                ]
            },
            onConnection: [.gap],
            connection: { it in
                guard let gap = it.record.firstGap, it.record.application == .http, it.record.exchanges == 0 else {
                    return []
                }
                return [
                    it.found(
                        "Bytes of an HTTP connection are missing; requests that stood there were not seen.",
                        withheld: [], at: [it.raw("gap", gap, [])])
                ]
            }
        )
        Rule(
            "CAP003", "cap-midstream", .note, .capture,
            source: "-",
            title: "Capture starts after the handshake",
            requirement: "No SYN: first bytes may be anything.",
            detect: """
                No SYN seen and first c2s bytes are not a request line; ws frames guessed only with >=3 consistent \
                headers and marked inferred.
                """,
            why: """
                What was said before, such as the handshake, was not seen, so what the first bytes mean is not \
                known.
                """,
            fix: "Start the capture before the connection is made.",
            trigger: "starts at `81 85`",
            nearMiss: "starts at SYN",
            when: [.requestUnseen],
            check: { it in
                let connection = it.exchange.connection
                if it.exchange.isHandshakeUnseen { return [CaptureRules.unseenHandshake(it)] }
                guard !connection.sawSYN, !connection.sawSYNACK else { return [] }
                return [
                    it.found(
                        "The capture starts inside the connection: the request that \(it.answer) answers was not seen.",
                        withheld: CaptureRules.needingEveryByte(in: it.facts), at: [it.statusLine])
                ]
            },
            onConnection: [.midstream],
            connection: { it in
                guard it.record.startedMidstream, it.record.firstBytesUnknown, !it.record.encrypted,
                    it.record.exchanges == 0
                else { return [] }
                let isGuess = it.record.guessedFrames >= 3
                guard it.record.application == .http || isGuess else { return [] }
                let mark = it.record.firstPayload.client ?? it.record.facts.first
                return [
                    it.found(
                        isGuess
                            ? "The capture starts inside the connection; \(it.record.guessedFrames) headers in a row read "
                                + "as WebSocket frames, but the handshake was not seen."
                            : "The capture starts inside the connection, and its first bytes are no request.",
                        certainty: isGuess ? .inferred : .proven,
                        at: [
                            it.raw(
                                "first bytes",
                                Place(
                                    direction: .client, offset: 0, length: Int64(it.record.firstBytes.count),
                                    first: mark, last: mark),
                                it.record.firstBytes)
                        ])
                ]
            }
        )
        Rule(
            "CAP004", "cap-early-undetermined", .note, .capture,
            source: "section D",
            title: "Cannot decide whether data preceded the response",
            requirement: "Neither ACK nor order suffices.",
            detect: "Section D verdict UNDETERMINED.",
            why: "Whether the client waited is the heart of the matter, and this capture does not show it.",
            fix: "Capture whole TCP headers of both directions, near the client, without loss.",
            trigger: "a hole in the server direction below the ACK of the first client byte behind the request",
            nearMiss: "the same without the hole",
            when: [.earlyUnknown]
        ) { it in
            guard let early = it.exchange.early else { return [] }
            let missing =
                early.missing.isEmpty ? "what the client had received is not known" : Words.plain(early.missing)
            let rules = [it.earlyRule] + (it.facts.contains(.refused) ? ["EARLY004", "EARLY005"] : [])
            return [
                it.found(
                    "Whether \(Words.count(early.clientBytes, "byte")) behind the request were sent before the answer "
                        + "cannot be decided: \(missing).",
                    certainty: .undetermined, withheld: rules, at: [it.earlyBytes])
            ]
        }
        Rule(
            "CAP005", "cap-duplicate-packets", .note, .capture,
            source: "-",
            title: "Same packet seen twice (SPAN, any-interface, two hops)",
            requirement: "Duplicates must not count as retransmissions or key reuse.",
            detect: """
                Same IP id+seq+payload within 5 ms; or a whole flow whose segments repeat those of another flow with \
                the same addresses under another VLAN, tunnel or interface: then it is marked a copy and takes no \
                part in WS003, HOP and counts of exchanges.
                """,
            why: """
                Copies look like retransmissions and like clients that use the same key twice; they are not counted \
                as such.
                """,
            fix: "Capture one interface and one side of each switch.",
            trigger: "vlan+no vlan copies",
            nearMiss: "single",
            when: [],
            onConnection: [.duplicate],
            connection: { it in
                guard let pair = it.record.firstDuplicate, it.record.application == .http || it.record.exchanges > 0
                else { return [] }
                let copies = it.record.copiesUnder.map {
                    $0.isEmpty ? "without VLAN and tunnel" : "under \(Words.plain($0))"
                }
                return [
                    it.found(
                        copies.isEmpty
                            ? "Packets of the connection were captured twice."
                            : "The connection was captured again \(Words.list(copies)); it counts once.",
                        count: max(it.record.facts.duplicatePackets, 1),
                        at: [it.packet("first copy", pair.original), it.packet("second copy", pair.copy)])
                ]
            }
        )
        Rule(
            "CAP006", "cap-encrypted", .note, .capture,
            source: "-",
            title: "Upgrade invisible because of TLS",
            requirement: "Port 443 TLS without keys.",
            detect: "ClientHello as first bytes; report ALPN only.",
            why: "An upgrade inside TLS cannot be seen, neither a good one nor a bad one.",
            fix: "Capture behind what terminates TLS; key logs (SSLKEYLOGFILE) are not read yet.",
            trigger: "`16 03 01`",
            nearMiss: "`GET`",
            when: [],
            onConnection: [.encrypted],
            connection: { it in
                guard it.record.encrypted else { return [] }
                let name =
                    it.record.serverName.map { "to “\(Words.plain($0))”" } ?? "to \(it.record.facts.server.address)"
                let protocols = it.record.protocols.prefix(8).map { Words.plain($0, limit: 32) }
                let offer = protocols.isEmpty ? "" : ", offering \(Words.list(protocols))"
                return [
                    it.found(
                        "A TLS connection \(name)\(offer): what it carries cannot be seen without keys.",
                        at: [it.record.firstPayload.client.map { mark in it.packet("ClientHello", mark) }])
                ]
            }
        )
    }
}

extension CaptureRules {
    /// A session of which nobody saw the beginning, and why it is taken for one.
    private static func unseenHandshake(_ it: Case) -> Finding {
        let sides = it.exchange.websocket?.sides ?? PerDirection(both: WebSocketSide())
        func frames(_ side: WebSocketSide) -> Int64 {
            Int64(clamping: side.frames.indices.reduce(UInt64(0)) { $0 &+ side.frames[$1] })
        }
        let read = [
            frames(sides.client) > 0 ? "\(frames(sides.client)) masked from the client" : nil,
            frames(sides.server) > 0 ? "\(frames(sides.server)) unmasked from the server" : nil,
        ].compactMap { $0 }
        let start =
            it.exchange.connection.sawSYN ? "The handshake is missing" : "The capture starts inside the connection"
        return it.found(
            "\(start); what follows reads as WebSocket frames without a contradiction (\(Words.list(read))).",
            certainty: .inferred, withheld: needingFrames(in: it.facts),
            at: [it.switched(.client), it.switched(.server)])
    }

    /// Rules that are silent when bytes are missing between a request and the end of its answer; those that could
    /// apply to an exchange with these facts.
    static func needingEveryByte(in facts: Facts?) -> [String] {
        guard let facts else { return Catalogue.all.filter(\.needsEveryByte).map(\.id) }
        // Without an answer it is not known which rules about answers would have applied.
        let unknown: Facts =
            facts.contains(.incomplete) ? [.status101, .refused, .switched, .connectAccepted, .websocket, .h2c] : []
        return Catalogue.all.filter { rule in
            rule.needsEveryByte && rule.scope.subtracting(unknown).isSubset(of: facts)
        }.map(\.id)
    }

    /// Rules about what follows a switch, which need to know where each frame begins.
    static func needingFrames(in facts: Facts) -> [String] {
        let needed: Facts = facts.contains(.websocket) ? .websocket : .h2c
        return Catalogue.all.filter { rule in
            rule.scope.contains(needed) && rule.when.contains(.anomalies) && rule.scope.isSubset(of: facts)
        }.map(\.id)
    }
}
