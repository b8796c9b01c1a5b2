// Facts that follow from other facts, computed once for all renderers, and the report's words for things.

import Ground
import Inspection
import Investigation
import Traffic

extension ExchangeKind {
    var word: String {
        switch self {
        case .upgrade: "upgrade"
        case .connect: "connect"
        case .extendedConnect: "extended-connect"
        case .unsolicited: "unsolicited"
        case .lostOffer: "lost-offer"
        }
    }
}

extension Likeness {
    /// The protocol rather than the kind of message.
    var protocolWord: String {
        switch self {
        case .httpRequest, .httpResponse: "http"
        case .http2Preface: "http2"
        default: name
        }
    }
}

extension MessageHead {
    var versionText: String { "\(version.major).\(version.minor)" }
}

extension ConnectionFacts {
    /// Where the capture was taken, by the client's share of the handshake (RULES D).
    var tap: String? {
        guard let server = serverRoundTrip, let client = clientRoundTrip, server >= 0, client >= 0 else { return nil }
        let (sum, overflow) = server.addingReportingOverflow(client)
        guard !overflow, sum > 0 else { return nil }
        let share = Double(client) / Double(sum)
        return share < 0.1 ? "client" : share > 0.9 ? "server" : "middle"
    }
}

extension Exchange {
    /// Nanoseconds from the first packet of the request to the end of the response head, and from there to the
    /// first message.
    ///
    /// Left out where the clock ran backwards.
    var latency: (handshake: Int64, firstMessage: Int64?)? {
        guard let request, let response else { return nil }
        let answered = response.place.last.time
        let handshake = answered.nanoseconds(since: request.place.first.time)
        guard handshake >= 0 else { return nil }
        let marks = [websocket?.sides.client.firstMessage, websocket?.sides.server.firstMessage].compactMap { $0 }
        let first = marks.map { $0.time.nanoseconds(since: answered) }.filter { $0 >= 0 }.min()
        return (handshake, first)
    }

    /// Which of the offered protocols was selected; 0 is the most preferred.
    var preferenceRank: Int? {
        guard outcome == .switched, kind == .upgrade, let request, let response,
            let selected = response.members(.upgrade).last
        else { return nil }
        return request.members(.upgrade).firstIndex { $0.matchesIgnoringCase(selected) }
    }
}

extension WebSocketFacts {
    /// Who said Close first.
    var closedBy: String {
        switch (sides.client.close, sides.server.close) {
        case (nil, nil): "none"
        case (_?, nil): "client"
        case (nil, _?): "server"
        case (let client?, let server?): server.place.first.precedes(client.place.first) ? "server" : "client"
        }
    }
}

extension WebSocketSide {
    /// "text 3, ping 1".
    var frameWords: String { Self.words(frames) }

    static func words(_ frames: [16 of UInt64]) -> String {
        frames.indices.filter { frames[$0] > 0 }.map {
            "\(WebSocketFacts.opcodeName($0)) \(grouped(frames[$0]))"
        }.joined(separator: ", ")
    }

    /// "3 messages compressed, 354 bytes inflated to 5,315 (15.01 times)"; `nil` without any.
    var compressionWords: String? {
        guard compressedMessages > 0 || compressedBytes > 0 else { return nil }
        let messages = "\(counted(compressedMessages, "message")) compressed"
        guard let inflation else { return messages }
        return messages
            + ", \(counted(compressedBytes, "byte")) inflated to \(grouped(inflatedBytes)) (\(inflation) times)"
    }

    /// "after the gap, from packet 40 on: text 9, close 1 (inferred)"; `nil` without a gap.
    var resumedWords: String? {
        guard let resumed = resumed.first else { return nil }
        let packet = resumed.place.first.packet
        let close = resumed.close.map { ", Close\($0.code.map { " \($0)" } ?? "") in packet \($0.place.first.packet)" }
        return "behind the gap, from packet \(packet) on: \(Self.words(resumed.frames))\(close ?? "") (inferred)"
    }

    /// How many times longer the compressed messages became, with two decimals; `nil` where none was followed.
    var inflation: String? {
        guard compressedBytes > 0 else { return nil }
        let rest = (inflatedBytes % compressedBytes).multipliedReportingOverflow(by: 100)
        let hundredths = rest.overflow ? 0 : rest.partialValue / compressedBytes
        return "\(inflatedBytes / compressedBytes)." + (hundredths < 10 ? "0" : "") + "\(hundredths)"
    }
}

extension WebSocketDraft {
    /// The name of the draft; `nil` for RFC 6455 and those with its frames.
    var word: String? {
        switch self {
        case .none: nil
        case .hixie75: "hixie-75"
        case .hixie76: "hixie-76"
        case .earlyHybi: "hybi-01 to hybi-06"
        }
    }
}

extension PingTimes {
    var spread: (min: Int64, median: Int64, max: Int64)? {
        let sorted = samples.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        return (first, sorted[(sorted.count - 1) / 2], last)
    }
}

extension Finding {
    /// A display filter that shows the packets of the evidence, those of the first capture concerned.
    func wiresharkFilter(mark: Arrival) -> String {
        let first = evidence.first?.place.first ?? mark
        var packets = [first.packet]
        for evidence in evidence where evidence.place.first.capture == first.capture {
            for packet in [evidence.place.first.packet, evidence.place.last.packet] where !packets.contains(packet) {
                if packets.count < 16 { packets.append(packet) }
            }
        }
        var text: [UInt8] = []
        for packet in packets.sorted() {
            if !text.isEmpty { text.append(contentsOf: " || ".utf8) }
            text.append(contentsOf: "frame.number == ".utf8)
            text.append(decimal: UInt64(packet))
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Names of link types, as tcpdump and Wireshark print them.
enum LinkTypeName {
    static func text(_ type: UInt32) -> String {
        switch type {
        case 0: "NULL"
        case 1: "EN10MB"
        case 6: "IEEE802"
        case 8: "SLIP"
        case 9: "PPP"
        case 10: "FDDI"
        case 12, 14, 101: "RAW"
        case 50: "PPP_SERIAL"
        case 51: "PPP_ETHER"
        case 104: "C_HDLC"
        case 105: "IEEE802_11"
        case 107: "FRELAY"
        case 108: "LOOP"
        case 113: "LINUX_SLL"
        case 117: "PFLOG"
        case 127: "IEEE802_11_RADIO"
        case 147: "USER0"
        case 228: "IPV4"
        case 229: "IPV6"
        case 276: "LINUX_SLL2"
        default: "LINKTYPE_\(type)"
        }
    }
}
