// A made-up capture, told to the model as an analyzer would.

@_spi(Judging) import Inspection
import LiveView
import TestSupport

@testable import Traffic

enum Scene {
    static let start: Int64 = 1_767_225_600_000_000_000

    static func time(_ seconds: Double) -> Timestamp { Timestamp(nanoseconds: start + Int64(seconds * 1e9)) }

    static func mark(_ packet: UInt32, _ seconds: Double) -> Arrival {
        Arrival(packet: packet, time: time(seconds), heard: nil)
    }

    /// `text` has a line for each line of the head, without the empty one.
    static func head(_ text: String, _ mark: Arrival, _ direction: Direction) -> MessageHead {
        let bytes = Array((text.replacing("\n", with: "\r\n") + "\r\n\r\n").utf8)
        guard let head = MessageHead(bytes, direction, mark: mark) else { preconditionFailure("no head: \(text)") }
        return head
    }

    /// An offer that began after so many seconds.
    static func offer(
        _ number: UInt32, after seconds: Double = 0, host: String = "chat.example", target: String = "/room",
        fields: String = "Upgrade: websocket\nConnection: Upgrade"
    ) -> Exchange {
        let mark = mark(number * 10, seconds)
        let facts = ConnectionFacts(
            id: UInt64(number),
            client: Endpoint(address: IPAddress(v4: 0x0a00_0005), port: 51000 + UInt16(number % 10000)),
            server: Endpoint(address: IPAddress(v4: 0xc0a8_6464), port: 8080), first: mark)
        var exchange = Exchange(kind: .upgrade, connection: facts, first: mark)
        exchange.request = head("GET \(target) HTTP/1.1\nHost: \(host)\n\(fields)", mark, .client)
        return exchange
    }

    /// The same with its 101.
    static func switched(_ offer: Exchange, after seconds: Double) -> Exchange {
        var exchange = offer
        let mark = mark(offer.firstMark.packet + 1, seconds)
        exchange.response = head(
            "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade", mark, .server)
        exchange.outcome = .switched
        exchange.upgraded = .websocket
        exchange.websocket = WebSocketFacts()
        exchange.lastMark = mark
        return exchange
    }

    static func refused(_ offer: Exchange, status: Int, outcome: Outcome, after seconds: Double) -> Exchange {
        var exchange = offer
        let mark = mark(offer.firstMark.packet + 1, seconds)
        exchange.response = head("HTTP/1.1 \(status) No\nContent-Length: 0", mark, .server)
        exchange.outcome = outcome
        exchange.lastMark = mark
        return exchange
    }

    static func finished(
        _ exchange: Exchange, messages: (UInt64, UInt64) = (3, 40), bytes: (Int64, Int64) = (120, 88_000),
        code: UInt16? = 1000, after seconds: Double
    ) -> Exchange {
        var exchange = exchange
        let mark = mark(exchange.firstMark.packet + 9, seconds)
        exchange.websocket?.sides.client.textMessages = messages.0
        exchange.websocket?.sides.server.binaryMessages = messages.1
        if let code {
            let place = Place(direction: .server, offset: 0, length: 4, first: mark, last: mark)
            exchange.websocket?.sides.server.close = CloseFact(code: code, reason: [], place: place)
        }
        exchange.switched.client.bytes = bytes.0
        exchange.switched.server.bytes = bytes.1
        exchange.lastMark = mark
        return exchange
    }

    static func finding(
        _ rule: String, _ level: Level, _ message: String, for exchange: Exchange? = nil
    ) -> Finding {
        var finding = Finding(
            rule: rule, name: "a-name-of-\(rule.lowercased())", level: level, certainty: .proven, fault: .client,
            message: message, source: "RFC 6455 4.1", fix: "Wait for the 101 before sending.")
        finding.exchange = exchange?.key
        return finding
    }

    static func message(_ text: String, _ direction: Direction) -> TranscriptMessage {
        let mark = mark(20, 130)
        var message = TranscriptMessage(
            direction: direction, opcode: 1,
            place: Place(direction: direction, offset: 0, length: 2, first: mark, last: mark))
        message.payload = Array(text.utf8)
        message.length = Int64(message.payload.count)
        message.isComplete = true
        return message
    }

    static func progress(
        _ exchange: Exchange, messages: (UInt64, UInt64), bytes: (Int64, Int64), after seconds: Double
    ) -> ExchangeProgress {
        ExchangeProgress(
            key: exchange.key, bytes: PerDirection(client: bytes.0, server: bytes.1),
            messages: PerDirection(client: messages.0, server: messages.1),
            last: mark(exchange.firstMark.packet + 5, seconds))
    }

    /// Something of everything: open, offered, closed, refused; findings of all levels.
    static func model() -> LiveModel {
        var model = LiveModel()
        model.status.source = "eth0"
        model.status.started = time(0)
        model.status.packets = 12_345
        model.status.connections = 231
        model.status.exchanges = 5
        let chat = offer(1, after: 1)
        model.began(chat)
        model.decided(switched(chat, after: 1.1))
        model.progressed(progress(chat, messages: (12, 340), bytes: (1200, 88_000), after: 130))
        let feed = offer(2, after: 20, host: "feed.example", target: "/prices?token=s3cret")
        model.began(feed)
        let closed = finished(switched(feed, after: 20.1), after: 64)
        model.decided(switched(feed, after: 20.1))
        model.finished(
            closed,
            Judgement(
                findings: [
                    finding(
                        "EARLY001", .error, "The client sent 11 bytes of WebSocket frames before the 101.", for: closed
                    ),
                    finding("WSF009", .warning, "A continuation without a beginning.", for: closed),
                ], validity: Validity(closed)))
        let admin = offer(3, after: 50, host: "admin.example", target: "/ws")
        model.began(admin)
        let refused = refused(admin, status: 403, outcome: .failed, after: 50.2)
        model.finished(
            refused, Judgement(findings: [finding("RES010", .note, "Refused without a reason.", for: refused)]))
        model.began(offer(4, after: 125, host: "slow.example", target: "/subscribe"))
        return model
    }
}
