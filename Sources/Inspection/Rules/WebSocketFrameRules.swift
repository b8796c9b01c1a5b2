// Frames of WebSocket (RFC 6455 5 to 7). The decoder records what a frame was; it stops judging a direction after its
// first fatal error and after a gap, so nothing here is noise that follows from an earlier fault.
// One finding for each rule and side, with a count.

import Ground
import Traffic

enum WebSocketFrameRules {
    @RuleList static var rules: [Rule] {
        Rule(
            "WSF001", "ws-client-unmasked", .error, .client, core: true, reads: .frames,
            source: "RFC 6455 5.1, 5.3, 10.3",
            title: "Client frame without mask",
            requirement: "All client frames are masked; server must close on an unmasked one.",
            detect: "c2s frame MASK=0.",
            why: """
                Masking keeps a web page from choosing the bytes on the wire and so from poisoning caches and \
                proxies. A server that accepts an unmasked frame hides the fault from both sides.
                """,
            fix: "Correct the client. No proxy setting helps.",
            trigger: "C> `81 05 48 65 6c 6c 6f`",
            nearMiss: "C> `81 85 37 fa 21 3d 7f 9f 4d 51 58`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.clientUnmasked) { _ in "sent a frame without a mask" }
        }
        Rule(
            "WSF002", "ws-server-masked", .error, .server, reads: .frames,
            source: "RFC 6455 5.1",
            title: "Server frame with mask",
            requirement: "Server never masks; client must close.",
            detect: "s2c frame MASK=1.",
            why: """
                A client must close on a masked frame from a server. It usually means that a client library is used \
                in the server role.
                """,
            fix: "Correct the role in the server library.",
            trigger: "S> `81 85 37 fa 21 3d 7f 9f 4d 51 58`",
            nearMiss: "S> `81 05 48 65 6c 6c 6f`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.serverMasked) { _ in "sent a masked frame" }
        }
        Rule(
            "WSF003", "ws-mask-key-weak", .error, .client,
            source: "RFC 6455 5.3, 10.3",
            title: "Masking keys constant, zero or predictable",
            requirement: "Fresh unpredictable 32-bit key per frame.",
            detect: """
                >=4 masked frames with payload: all keys equal, all zero, or constant difference/increment. Zero key \
                once = warning.
                """,
            why: """
                A predictable mask lets a web page choose the bytes on the wire after all, which is what masking is \
                there to prevent.
                """,
            fix: "Draw every masking key from a cryptographic random source.",
            trigger: "4 x key 00000000",
            nearMiss: "keys 37fa213d, 9b0c...",
            scope: [.websocket],
            when: [.weakMasks]
        ) { it in
            guard let client = it.exchange.websocket?.sides.client else { return [] }
            let isTooMany = { (run: UInt32) in run >= it.thresholds.equalMasks }
            let isConstant = client.maskedFrames >= it.thresholds.maskedFrames && isTooMany(client.longestEqualKeyRun)
            let isCounter = !isConstant && isTooMany(client.longestStepRun)
            guard isConstant || isCounter || client.zeroKeys > 0 else { return [] }
            let seen =
                isCounter
                ? "drew \(client.longestStepRun + 1) masking keys in a row from a counter: each differs from the one "
                    + "before by the same step"
                : isConstant
                    ? "used the same masking key for \(client.longestEqualKeyRun) frames in a row, of "
                        + "\(client.maskedFrames) in all"
                    : "used the masking key zero for \(Words.count(Int64(clamping: client.zeroKeys), "frame"))"
            return [
                it.found(
                    "The client \(seen).", level: isConstant || isCounter ? .error : .warning,
                    count: isCounter
                        ? client.longestStepRun + 1
                        : isConstant ? client.longestEqualKeyRun : UInt32(clamping: client.zeroKeys),
                    at: [it.switched(.client)])
            ]
        }
        Rule(
            "WSF004", "ws-rsv-set", .error, .unknown, core: true, reads: .frames,
            source: "RFC 6455 5.2",
            title: "Reserved bit set without negotiated meaning",
            requirement: "RSV1-3 are zero unless an extension defines them.",
            detect: """
                RSV2|RSV3 set, or RSV1 set while permessage-deflate (or other RSV1 extension) is not in the 101.
                """,
            why: """
                The bits have no meaning unless an extension gives them one. The receiver must fail the connection; \
                usually one side believes in compression that the other never agreed to.
                """,
            fix: """
                Make both sides agree on the extensions, and let no proxy strip Sec-WebSocket-Extensions in one \
                direction only.
                """,
            trigger: "`c1 05 ..` no PMD",
            nearMiss: "`c1 07 f2 48 cd c9 c9 07 00` with PMD",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            guard it.exchange.websocket?.agreement.unknownExtension != true else { return [] }
            let offered = it.value(.secWebSocketExtensions, of: it.request)
            return it.frames(.reservedBits) { anomaly in
                let bits = (anomaly.excerpt.first ?? 0) >> 4 & 7
                let names = [(4, "RSV1"), (2, "RSV2"), (1, "RSV3")].filter { bits & UInt8($0.0) != 0 }.map { $0.1 }
                let hint = bits == 4 && !offered.isEmpty ? "; “\(offered)” was offered and not accepted" : ""
                return
                    "set \(names.isEmpty ? "a reserved bit" : Words.list(names)), to which no extension gives a "
                    + "meaning\(hint)"
            }
        }
        // At the end only: it may turn out that the place was lost and this is no opcode.
        Rule(
            "WSF005", "ws-opcode-reserved", .error, .unknown,
            source: "RFC 6455 5.2",
            title: "Reserved opcode",
            requirement: "3-7 and B-F are undefined.",
            detect: """
                opcode in set, no negotiated extension defines it, and none of the three frames behind it contradicts \
                that a frame began there.
                """,
            why: """
                The opcode means nothing, so the receiver must fail the connection. Often the sender has lost count \
                of its own frames.
                """,
            fix: "Correct the endpoint that sends it.",
            trigger: "`83 00`",
            nearMiss: "`82 00`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.reservedOpcode) { anomaly in "sent the reserved opcode \(anomaly.value)" }
        }
        Rule(
            "WSF006", "ws-length-not-minimal", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.2",
            title: "Payload length not minimally encoded / top bit set",
            requirement: "Shortest form required; 64-bit MSB zero.",
            detect: "len7=126 with value<126; len7=127 with value<65536 or MSB=1.",
            why: """
                Two encodings of one length let filters and endpoints disagree, and a length with its top bit set \
                overflows in careless readers.
                """,
            fix: "Correct the frame encoder.",
            trigger: "`82 7e 00 05 ..`",
            nearMiss: "`82 7e 00 7e ..`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.lengthNotMinimal) { _ in
                "encoded a payload length in more bytes than needed, or with its top bit set"
            }
        }
        Rule(
            "WSF007", "ws-control-invalid", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.5",
            title: "Control frame fragmented or longer than 125",
            requirement: "Control frames: FIN=1 and <=125 bytes.",
            detect: "opcode>=8 and (FIN=0 or len7>125).",
            why: """
                Control frames have to fit between the fragments of a message and must be short; the receiver must \
                fail the connection.
                """,
            fix: "Correct the endpoint: control frames have FIN set and at most 125 bytes.",
            trigger: "`09 00`; `89 7e 00 80`",
            nearMiss: "`89 7d ..`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.controlInvalid) { _ in "sent a control frame that is fragmented or longer than 125 bytes" }
        }
        Rule(
            "WSF008", "ws-continuation-orphan", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.4",
            title: "Continuation without a started message",
            requirement: "opcode 0 continues an open fragmented message only.",
            detect: "opcode 0, no open message in that direction.",
            why: """
                The receiver has nothing to continue and must fail the connection. Part of a message was lost or \
                sent twice.
                """,
            fix: "Correct the endpoint that sends it.",
            trigger: "`80 02 6c 6f` first",
            nearMiss: "`01 03 ..` then `80 02 ..`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.continuationOrphan) { _ in "continued a message that was not begun" }
        }
        Rule(
            "WSF009", "ws-message-interleaved", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.4",
            title: "New data message started inside another",
            requirement: "Fragments of messages do not interleave without an extension.",
            detect: "opcode 1/2 while fragmented message open.",
            why: """
                The receiver cannot tell the two messages apart and must fail the connection. Usually two threads \
                send on one connection.
                """,
            fix: "Send one message after the other; guard the connection with a lock.",
            trigger: "`01 ..` `81 ..`",
            nearMiss: "`01 ..` `89 00` `80 ..`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.messageInterleaved) { _ in "began a message inside another" }
        }
        Rule(
            "WSF010", "ws-text-invalid-utf8", .error, .unknown, core: true, reads: .frames,
            source: "RFC 6455 5.6, 8.1",
            title: "Text message is not valid UTF-8",
            requirement: "The whole reassembled (and inflated) text message is UTF-8.",
            detect: """
                Validate after unmask, reassembly, inflate: reject overlong, surrogates, >U+10FFFF, truncated at \
                end.
                """,
            why: """
                Text that is not UTF-8 makes receivers fail the connection with 1007, or worse, pass broken strings \
                on.
                """,
            fix: "Send such data as binary messages, or encode it correctly.",
            trigger: "S> `81 02 c3 28`",
            nearMiss: "S> `01 01 c3` `80 01 a9`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.textNotUTF8) {
                "sent a text message that is not UTF-8" + ($0.value == 1 ? ", once inflated" : "")
            }
        }
        Rule(
            "WSF011", "ws-close-invalid", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.5.1, 7.4.1, 7.4.2",
            title: "Close frame body or code not allowed on the wire",
            requirement: """
                Never send <1000, 1004 (reserved), 1005, 1006, 1015, 1016-2999 unassigned, >=5000. IANA adds \
                1012-1014.
                """,
            detect: """
                Body length 1; or code not in {1000-1003,1007-1014,3000-4999}; or reason (after the 2 bytes) not \
                UTF-8.
                """,
            why: """
                Codes such as 1005 and 1006 only ever stand for what happened locally. On the wire they mislead the \
                peer, and a body that does not parse makes it fail the connection.
                """,
            fix: "Correct the application: 1000 to 1003, 1007 to 1014, or 3000 to 4999, with a reason in UTF-8.",
            trigger: "`88 02 03 ee` (1006)",
            nearMiss: "`88 02 03 f4` (1012)",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames(.closeInvalid) { anomaly in
                switch anomaly.value {
                case 1004: "closed with the reserved code 1004"
                case ..<2: "sent a Close frame whose body is a single byte"
                case 1000...1003, 1007...1014, 3000...4999: "closed with a reason that is not UTF-8"
                default: "closed with the code \(anomaly.value), which must not be sent"
                }
            } level: {
                $0.value == 1004 ? .warning : .error
            }
        }
        Rule(
            "WSF012", "ws-data-after-close", .error, .unknown, reads: .frames,
            source: "RFC 6455 5.5.1",
            title: "Data frame after own Close",
            requirement: "No data frames after sending Close.",
            detect: "opcode 0-2 in direction after that direction's Close. Any other bytes -> warning.",
            why: "The peer no longer reads after Close, so this data is lost.",
            fix: "Correct the order of the shutdown: last message first, then Close.",
            trigger: "`88 00 81 ..`",
            nearMiss: "`81 .. 88 00`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            it.frames([.dataAfterClose, .controlAfterClose]) { anomaly in
                switch (anomaly.kind, anomaly.value) {
                case (.controlAfterClose, _): "sent a control frame after its own Close"
                case (_, ..<0): "sent bytes that are no frame after its own Close"
                default: "sent a frame after its own Close"
                }
            } level: { anomaly in
                if anomaly.kind == .controlAfterClose { return .note }
                return anomaly.value >= 0 ? .error : .warning
            }
        }
        Rule(
            "WSF013", "ws-close-unanswered", .error, .unknown,
            source: "RFC 6455 5.5.1",
            title: "Close received but never answered",
            requirement: "Peer must answer Close with Close (may finish its current message first).",
            detect: "Close in dir A fully acked by B, TCP open >=5 s more or FIN from B without Close.",
            why:
                "The side that closed waits for an answer until it times out, and cannot know what was still received.",
            fix: "Correct the peer: answer Close with Close, then let the server end the connection.",
            trigger: "S>`88 02 03 e8`, C>FIN",
            nearMiss: "S>Close, C>Close, S>FIN",
            needsEveryByte: true,
            scope: [.websocket],
            when: [.status101, .closedByOne]
        ) { it in
            guard let sides = it.exchange.websocket?.sides, it.sawEveryFrame else { return [] }
            let connection = it.exchange.connection
            guard let closer = Direction.allCases.first(where: { sides[$0].close != nil }),
                let close = sides[closer].close, sides[closer.opposite].close == nil,
                connection.ended[closer] != .rst, connection.ended[closer.opposite] != .rst,
                connection.acknowledged[closer] >= close.place.end,
                // Whoever was sent something broken may just end the connection, and whoever was told so has that finding.
                !it.exchange.anomalies.contains(where: { $0.kind.endsSession })
            else { return [] }
            let silent = closer.opposite
            var end: Evidence?
            let how: String
            if let mark = connection.endMark[silent], mark.heard ?? 0 >= close.place.end {
                end = it.packet("FIN", mark, silent)
                how = "ended the connection without a Close of its own"
            } else {
                let waited = it.watchedUntil.nanoseconds(since: close.place.last.time)
                // One that was not captured may have ended the connection long before.
                guard connection.endMark[silent] == nil, connection.ended[silent] == .open,
                    waited >= it.thresholds.closeAnswer.seconds
                else { return [] }
                how = "did not answer it for \(DurationText.plain(waited))"
            }
            return [
                it.found(
                    "The \(silent.name) received Close and \(how).", fault: silent == .client ? .client : .server,
                    at: [it.raw("Close", close.place, []), end])
            ]
        }
        Rule(
            "WSF014", "ws-abnormal-close", .warning, .unknown,
            source: "RFC 6455 7.1.4-7.1.5 (1006)",
            title: "TCP closed without any Close frame",
            requirement: "Unclean shutdown; peers see 1006.",
            detect: "FIN/RST with no Close from either side; tell who sent first and idle time before it.",
            why: """
                Both peers see code 1006 and do not know whether messages were lost. Proxies that time out look just \
                like this.
                """,
            fix: """
                Send Close before ending the connection.
                \(Recipe.idle)
                """,
            trigger: "frames, 60 s idle, FIN",
            nearMiss: "Close/Close/FIN",
            needsEveryByte: true,
            scope: [.websocket],
            when: [.status101, .endedUnclosed]
        ) { it in
            guard let facts = it.exchange.websocket, !facts.sides.client.lost, !facts.sides.server.lost,
                it.facts.isValid == true,
                it.exchange.connection.gapBytes == PerDirection(both: 0)
            else { return [] }
            // After a fatal frame the other side has to end the connection, and that frame is the finding.
            guard !it.exchange.anomalies.contains(where: { $0.kind.endsSession }) else { return [] }
            let marks = it.exchange.connection.endMark
            let direction: Direction
            switch (marks.client, marks.server) {
            case (let client?, let server?): direction = client.precedes(server) ? .client : .server
            case (.some, nil): direction = .client
            case (nil, .some): direction = .server
            case (nil, nil): return []
            }
            guard let mark = marks[direction] else { return [] }
            let data = [it.exchange.switched.client.last, it.exchange.switched.server.last, it.response?.place.last]
            let latest = data.compactMap { $0 }.max { $0.precedes($1) }
            let idle = latest.map { max(mark.time.nanoseconds(since: $0.time), 0) } ?? 0
            let word = it.exchange.connection.ended[direction] == .rst ? "reset" : "ended"
            return [
                it.found(
                    "The \(direction.name) \(word) the connection without a Close frame, "
                        + "\(DurationText.plain(idle)) after the last data.",
                    fault: direction == .client ? .client : .server,
                    at: [
                        it.raw(
                            word == "reset" ? "RST" : "FIN",
                            Place(direction: direction, offset: 0, length: 0, first: mark, last: mark), [])
                    ])
            ]
        }
        Rule(
            "WSF015", "ws-server-lingers-after-close", .warning, .server,
            source: "RFC 6455 5.5.1, 7.1.1",
            title: "Server does not close TCP after Close exchange",
            requirement: "Server closes the TCP connection immediately after both Close frames.",
            detect: "both Close seen, no server FIN/RST within 5 s of ack.",
            why: "The connection stays open for nothing on both sides until someone's timer ends it.",
            fix: "Correct the server: end the TCP connection once Close was sent and received.",
            trigger: "Close/Close, 30 s open",
            nearMiss: "Close/Close/FIN",
            scope: [.websocket],
            when: [.status101, .closedByBoth]
        ) { it in
            let places = it.exchange.websocket?.withSides { ($0.client.close?.place, $0.server.close?.place) }
            guard case (let client?, let server?)? = places else { return [] }
            let both = max(client.last.time, server.last.time)
            let ended = it.exchange.connection.ended
            let marks = it.exchange.connection.endMark
            // When a FIN came that was not captured, nobody knows.
            guard ended.server == .open || marks.server != nil else { return [] }
            let reset = ended.client == .rst ? marks.client : nil
            let until = (marks.server ?? reset)?.time ?? it.exchange.connection.observedUntil
            let waited = until.nanoseconds(since: both)
            guard waited >= it.thresholds.closeLinger.seconds, it.sawEveryFrame else { return [] }
            return [
                it.found(
                    "The server kept the connection for \(DurationText.plain(waited)) after both sides had sent Close.",
                    at: [
                        it.raw("Close", client, []), it.raw("Close", server, []),
                        marks.server.map { it.packet("FIN", $0, .server) },
                    ])
            ]
        }
        Rule(
            "WSF016", "ws-ping-unanswered", .warning, .unknown,
            source: "RFC 6455 5.5.2",
            title: "Ping without matching Pong",
            requirement: "Pong with same payload as soon as practical unless Close received.",
            detect: """
                Ping acked; no Pong from peer with identical payload, nor a later Pong answering a later Ping, within \
                10 s.
                """,
            why: "Whoever pings takes the silence for a dead peer and ends the session.",
            fix: "Look for a blocked event loop in the peer, and echo the payload of the Ping unchanged.",
            trigger: "`89 01 61` no pong 10 s",
            nearMiss: "`89 01 61` ... `8a 81 ..61`",
            scope: [.websocket],
            when: [.status101, .pingWaited]
        ) { it in
            guard let sides = it.exchange.websocket?.sides, it.sawEveryFrame else { return [] }
            var findings: [Finding] = []
            for pinger in Direction.allCases {
                let silent = pinger.opposite
                var waits = [sides[pinger].slowestPing].compactMap { $0 }
                if var open = sides[pinger].openPing {
                    open.waited = it.watchedUntil.nanoseconds(since: open.place.last.time)
                    waits.append(open)
                }
                guard let ping = waits.max(by: { $0.waited < $1.waited }),
                    ping.waited > it.thresholds.pongAnswer.seconds,
                    it.exchange.connection.acknowledged[pinger] >= ping.place.end
                else { continue }
                let how =
                    ping.isAnswered
                    ? "answered a Ping only after \(DurationText.plain(ping.waited))"
                    : ping.sawOtherPong
                        ? "answered a Ping with a Pong whose echo differs"
                        : "did not answer a Ping for \(DurationText.plain(ping.waited))"
                findings.append(
                    it.found(
                        "The \(silent.name) \(how).", fault: silent == .client ? .client : .server,
                        at: [it.raw("Ping", ping.place, [])]))
            }
            return findings
        }
        Rule(
            "WSF017", "ws-idle-no-keepalive", .note, .unknown,
            source: "RFC 6455 5.5.2; operational",
            title: "Long idle without ping",
            requirement: "Proxies drop idle tunnels (nginx 60 s default).",
            detect: "Gap >55 s with no frames either way on an open connection.",
            why: "A proxy or a firewall on the way may end the session without telling anyone; nginx does after 60 s.",
            fix: "Send a Ping every 20 to 30 seconds.\n\(Recipe.idle)",
            trigger: "70 s silence",
            nearMiss: "ping at 25 s",
            needsEveryByte: true,
            scope: [.websocket],
            when: [.status101, .idle]
        ) { it in
            guard let facts = it.exchange.websocket, it.sawEveryFrame, !it.facts.contains(.oneDirection) else {
                return []
            }
            var longest: (time: Int64, from: Arrival, to: Arrival?)?
            if let idle = facts.longestIdle {
                longest = (idle.to.time.nanoseconds(since: idle.from.time), idle.from, idle.to)
            }
            let data = [it.exchange.switched.client.last, it.exchange.switched.server.last, it.response?.place.last]
            if !it.facts.holdsAny([.closedByOne, .closedByBoth]),
                let last = data.compactMap({ $0 }).max(by: { $0.precedes($1) })
            {
                let time = it.watchedUntil.nanoseconds(since: last.time)
                if time > longest?.time ?? 0 { longest = (time, last, nil) }
            }
            guard let longest, longest.time > it.thresholds.idle.seconds else { return [] }
            return [
                it.found(
                    "Neither side sent anything for \(DurationText.plain(longest.time)).",
                    at: [
                        it.packet("last data before", longest.from, .client),
                        longest.to.map { it.packet("first data after", $0, .client) },
                    ])
            ]
        }
        Rule(
            "WSF018", "ws-frame-oversized", .warning, .unknown, reads: .frames,
            source: "RFC 6455 10.4",
            title: "Oversized frame/message or fragment flood",
            requirement: "Implementations must protect themselves; huge length announces DoS.",
            detect: """
                announced length > 16 MiB (configurable), or message > 64 MiB, or announced length never arrives \
                before FIN; or > 10000 fragments / > 100 empty continuation frames in one message.
                """,
            why: "A receiver that reserves memory for what a header announces can be brought down with a few bytes.",
            fix: "Set a limit in the receiver. Node ws: maxPayload: 1048576. Spring: setMaxTextMessageBufferSize.",
            trigger: "`82 7f 10 00 00 00 00 00 00 00`",
            nearMiss: "`82 7e ff ff`",
            scope: [.websocket],
            when: [.anomalies]
        ) { it in
            let found = it.frames([.frameOversized, .messageOversized, .fragmentFlood, .frameCut]) { anomaly in
                switch anomaly.kind {
                case .messageOversized: "sent a message of more than \(anomaly.value - 1) bytes"
                case .fragmentFlood: "cut one message into \(anomaly.value) fragments or more"
                case .frameCut: "ended the connection \(anomaly.value) bytes before the end of a frame"
                default: "announced a frame of \(anomaly.value) bytes"
                }
            }
            return found
        }
        Rule(
            "WSF019", "ws-failed-but-continues", .error, .unknown,
            source: "RFC 6455 5.1, 5.2, 7.1.7, 8.1",
            title: "Endpoint keeps accepting after a fatal frame error",
            requirement: "Receiver must fail the connection.",
            detect: """
                After WSF001/002/004-010 the receiver acks and continues sending normal data >2 s, no Close/FIN.
                """,
            why: """
                What a strict receiver refuses this one takes: two endpoints that read one stream differently can be \
                played off against each other.
                """,
            fix: "Use a library that fails the connection, with 1002 or 1007.",
            trigger: "unmasked frame, echo reply",
            nearMiss: "unmasked frame, Close 1002",
            scope: [.websocket],
            when: [.status101, .anomalies, .wentOnAfterFault]
        ) { it in
            guard let sides = it.exchange.websocket?.sides else { return [] }
            var findings: [Finding] = []
            for direction in Direction.allCases {
                guard let answer = sides[direction].faultAnswer else { continue }
                let went = answer.last.time.nanoseconds(since: answer.fault.last.time)
                guard went > it.thresholds.faultReaction.seconds, !it.lostPlace(at: answer.fault) else { continue }
                findings.append(
                    it.found(
                        "The \(direction.name) received a frame on which it had to fail the connection, and still sent "
                            + "data \(DurationText.plain(went)) later.",
                        fault: direction == .client ? .client : .server, count: UInt32(clamping: answer.frames),
                        at: [
                            it.raw("fatal frame", answer.fault, []),
                            it.raw("data after it", answer.first, []),
                        ]))
            }
            return findings
        }
        Rule(
            "WSF020", "ws-http-in-frame-direction", .error, .client,
            source: "RFC 6455 5.2; smuggling",
            title: "HTTP request bytes where a client frame is expected",
            requirement: "Client went on speaking HTTP after the switch.",
            detect: "c2s at switch offset matches METHOD SP target SP HTTP/1.x.",
            why: """
                The client does not know that it was switched, or someone makes it believe so: behind a proxy that \
                tunnels now, these requests reach the server unchecked.
                """,
            fix: "Find out who caused the 101; a proxy in between believes in a tunnel (see SMG006).",
            trigger: "101 then `GET /admin HTTP/1.1`",
            nearMiss: "101 then `81 85`",
            needsEveryByte: true,
            scope: [.websocket],
            when: [.status101, .clientSpeaksHTTP]
        ) { it in
            let bytes = it.exchange.switched.client.excerpt[...]
            guard let line = Words.requestLine(bytes) else { return [] }
            return [
                it.found(
                    "Where a frame is expected the client sent "
                        + "“\(it.shown(line, hiding: Redaction.secretRanges(in: line)))”.",
                    at: [it.switched(.client)])
            ]
        }
    }
}

extension Case {
    /// What looked like a fault there was a place that had been lost.
    fileprivate func lostPlace(at fault: Place) -> Bool {
        exchange.anomalies.contains {
            $0.kind == .syncLost && $0.place.direction == fault.direction && $0.place.offset == fault.offset
        }
    }

    /// One finding for each side that did it, counting how often.
    func frames(
        _ kind: Anomaly.Kind, _ words: (Anomaly) -> String, level: (Anomaly) -> Level? = { _ in nil }
    ) -> [Finding] { frames([kind], words, level: level) }

    func frames(
        _ kinds: [Anomaly.Kind], _ words: (Anomaly) -> String, level: (Anomaly) -> Level? = { _ in nil }
    ) -> [Finding] {
        var findings: [Finding] = []
        for direction in Direction.allCases {
            let anomalies = exchange.anomalies.filter { kinds.contains($0.kind) && $0.place.direction == direction }
            guard let first = anomalies.first else { continue }
            let worst = anomalies.max { (level($0) ?? rule.level) < (level($1) ?? rule.level) } ?? first
            let count = anomalies.reduce(UInt32(0)) { $0.addingReportingOverflow($1.count).partialValue }
            findings.append(
                found(
                    "The \(direction.name) \(words(worst)).", level: level(worst),
                    fault: direction == .client ? .client : .server, count: max(count, 1),
                    at: anomalies.prefix(4).map { raw("frame", $0.place, $0.excerpt) }))
        }
        return findings
    }
}

extension Anomaly.Kind {
    /// Whoever receives it fails the connection, or may, and need not say Close (RFC 6455 7.1.7).
    fileprivate var endsSession: Bool {
        switch self {
        case .clientUnmasked, .serverMasked, .reservedBits, .reservedOpcode, .lengthNotMinimal, .controlInvalid,
            .continuationOrphan, .messageInterleaved, .textNotUTF8, .closeInvalid, .rsv1Misplaced, .inflateFailed,
            .contextReused, .windowExceeded, .inflationExtreme, .frameOversized, .messageOversized, .fragmentFlood,
            .httpInFrames, .httpAfterSwitch, .prefaceMissing, .firstFrameNotSettings, .upgradedStreamReused,
            .gapAfterSwitch, .syncLost, .dataAfterClose:
            true
        case .frameCut, .tailKept, .controlAfterClose, .serverBytesBeforeResponse, .responseWithoutRequest: false
        }
    }
}
