// Who reads what is spoken after a switch: ONE table, a line for each protocol.
//
// Each direction is handed over at its own byte. A reader gets bytes in order, learns of holes, reports facts and
// anomalies when the exchange ends, and never judges. What no line names is counted and not read.

import Ground

/// Reads what one exchange switched to.
protocol SessionReader: StreamReader {
    /// The exchange is over: facts go into it.
    func finish(into exchange: inout Exchange)
    /// Faults of form so far, and how many that are.
    var anomalies: [Anomaly] { get }
    var anomalyCount: Int { get }
    /// Its bytes are only counted.
    var isOpaque: Bool { get }
    /// Exchanges found inside that were not reported yet, once finished, and how many there were.
    var innerExchanges: (waiting: [Exchange], count: Int) { get }
    /// Whole messages so far; `nil` where the protocol has none that are counted.
    var messages: PerDirection<UInt64>? { get }
}

extension SessionReader {
    /// None, unless it carries streams.
    var innerExchanges: (waiting: [Exchange], count: Int) { ([], 0) }
    func forEachOpen(_ body: (ExchangeProgress) -> Void) {}
    /// False where bytes are read; where they are only counted there is no reader.
    var isOpaque: Bool { false }
    /// False, unless HTTP may be spoken inside.
    var isCausal: Bool { false }
    /// None, unless messages are counted.
    var messages: PerDirection<UInt64>? { nil }
    /// Reported at the end only, unless `live` is to hear of them earlier.
    var anomalies: [Anomaly] { [] }
    var anomalyCount: Int { 0 }
}

/// The protocols that are read, and by whom.
enum Readers {
    /// One protocol: what names it, and what makes its reader.
    struct Entry: Sendable {
        /// As `Exchange.upgraded`; `.other` for a protocol that is known by its token alone.
        let speaks: UpgradedProtocol
        /// The token of the Upgrade field, where `speaks` is `.other`.
        var token: StaticString = ""
        /// `nil` where the exchange agreed on a form of it that is not read.
        let make: @Sendable (borrowing Exchange, AnalysisContext, Enclosure?) -> (any SessionReader)?
    }

    static let all: [Entry] = [
        Entry(speaks: .websocket) { exchange, context, _ in WebSocketDecoder.reader(of: exchange, context) },
        Entry(speaks: .h2c) { _, context, _ in HTTP2Decoder(limits: context.options.limits) },
        Entry(speaks: .tunnel) { exchange, context, enclosure in TunnelReader(exchange, enclosure, context) },
    ]

    /// The reader of what an exchange switched to; `nil` where bytes are only counted.
    static func session(
        of exchange: borrowing Exchange, _ context: AnalysisContext, inside enclosure: Enclosure?
    ) -> (any SessionReader)? {
        let speaks = exchange.upgraded
        let name = speaks == .other ? Array(exchange.protocolName.utf8)[...] : []
        let entry = all.first { $0.speaks == speaks && (speaks != .other || name.matchesIgnoringCase($0.token)) }
        return entry?.make(exchange, context, enclosure)
    }
}
