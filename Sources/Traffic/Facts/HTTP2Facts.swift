// What HTTP/2 showed after an h2c upgrade: the preface and frame counts (RFC 9113 3.4, 6; RFC 7540 3.2).

internal import Ground

/// One side of an HTTP/2 connection.
public struct HTTP2Side: Sendable {
    /// Frames by type, 0 (DATA) to 9 (CONTINUATION); all others are counted at 10.
    public var frames = [11 of UInt64](repeating: 0)
    /// Settings as sent in the first SETTINGS frame: identifier and value; at most 16.
    public var settings: [(identifier: UInt16, value: UInt32)] = []
    /// Highest stream identifier used.
    public var highestStream: UInt32 = 0
    /// The first HEADERS on stream 1, the upgraded request (RFC 7540 3.2).
    public var firstOnUpgraded: Arrival?
    public init() {}
}

/// A whole HTTP/2 connection.
public struct HTTP2Facts: Sendable {
    public var sides = PerDirection(both: HTTP2Side())
    /// The client's connection preface was seen.
    public var preface = false
    /// Streams opened by either side.
    public var streams: UInt64 = 0
    public init() {}

    /// Names of frame types in RFC 9113 6.
    public static let frameNames = [
        "DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE",
        "CONTINUATION", "UNKNOWN",
    ]
}

extension HTTP2Facts: SessionFacts {
    public var name: String { "http2" }
    public var messages: PerDirection<UInt64>? { nil }

    public var words: PerDirection<[String]> {
        func words(_ side: HTTP2Side) -> [String] {
            let frames = side.frames.indices.filter { side.frames[$0] > 0 }.map {
                "\(Self.frameNames[$0]) \(grouped(side.frames[$0]))"
            }
            return frames.isEmpty ? [] : [frames.joined(separator: ", ")]
        }
        return PerDirection(client: words(sides.client), server: words(sides.server))
    }

    public var report: FactValue {
        .object([
            FactValue.Member(
                "frames",
                .sides { direction in
                    let frames = sides[direction].frames
                    return .object(
                        frames.indices.filter { frames[$0] > 0 }.map {
                            FactValue.Member(Self.frameNames[$0], .number(Int64(clamping: frames[$0])))
                        })
                }),
            FactValue.Member("streams", .number(Int64(clamping: streams))),
            FactValue.Member(
                "settings",
                .sides { direction in
                    // Of a setting given twice the last one counts (RFC 9113 6.5).
                    var values: [String: UInt64] = [:]
                    for setting in sides[direction].settings {
                        values[HTTP2SettingName.text(setting.identifier)] = UInt64(setting.value)
                    }
                    return .counts(values)
                }),
        ])
    }
}

/// Names of HTTP/2 settings (RFC 9113 6.5.2, RFC 8441 3).
enum HTTP2SettingName {
    static func text(_ identifier: UInt16) -> String {
        switch identifier {
        case 1: "HEADER_TABLE_SIZE"
        case 2: "ENABLE_PUSH"
        case 3: "MAX_CONCURRENT_STREAMS"
        case 4: "INITIAL_WINDOW_SIZE"
        case 5: "MAX_FRAME_SIZE"
        case 6: "MAX_HEADER_LIST_SIZE"
        case 8: "ENABLE_CONNECT_PROTOCOL"
        case 9: "NO_RFC7540_PRIORITIES"
        default: "0x" + String(identifier, radix: 16)
        }
    }
}
