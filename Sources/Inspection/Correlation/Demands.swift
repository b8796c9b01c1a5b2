// What a client makes of a demand: 426 (upgrade), 401 and 407 (credentials).
//
// The next request of the same client to the same place that does what was asked is the retry. One that asks for
// the same in clear text again, although TLS was demanded, is TLS004. Users behind one address are told apart
// by User-Agent and Cookie, unless they share a connection. Asked again without any offer, it is no exchange: then it is
// reported with the demand.

import Ground
import Traffic

struct Demands {
    private(set) var retries: [ExchangeKey: ExchangeKey] = [:]
    private(set) var ignored: [Suspicion] = []

    private let plain: PlainRequests
    private let patience: Int64
    /// How many later requests are looked at for one demand.
    private static let reach = 64

    init(_ exchanges: [ExchangeSummary], _ plain: PlainRequests, _ thresholds: Thresholds) {
        self.plain = plain
        patience = thresholds.demandMemory.seconds
        // Most clients are never asked for anything.
        let asked = Set(exchanges.lazy.filter(Self.demands).map(\.client.address))
        guard !asked.isEmpty else { return }
        // One that drew a 426 again is an exchange as well.
        let known = plain.entries.isEmpty ? [] : Set(exchanges.lazy.map(\.key))
        let summaries = exchanges + plain.entries.lazy.map(\.summary).filter { !known.contains($0.key) }
        summaries.forEachRun(
            where: { asked.contains($0.client.address) },
            by: { ClientAndText(client: $0.client.address, text: $0.host) }
        ) { run in look(at: run) }
    }

    private static func demands(_ summary: ExchangeSummary) -> Bool {
        summary.traits.contains(.demandsUpgrade) || summary.status == 401 || summary.status == 407
    }

    private mutating func look(at run: [ExchangeSummary]) {
        // Requests that were reported already as repetitions.
        var told: Set<ExchangeKey> = []
        for (index, demand) in run.enumerated() where Self.demands(demand) {
            var repeated: [ExchangeSummary] = []
            for later in run[(index + 1)...].prefix(Self.reach) {
                guard later.asked.nanoseconds(since: demand.asked) <= patience else { break }
                guard later.asked >= demand.answered, later.key != demand.key else { continue }
                if Self.answers(later, demand) {
                    if retries[later.key] == nil { retries[later.key] = demand.key }
                    break
                }
                if Self.ignores(later, demand) { repeated.append(later) }
            }
            guard let first = repeated.first, told.insert(first.key).inserted else { continue }
            told.formUnion(repeated.map(\.key))
            let exchange = repeated.first { !$0.traits.contains(.isPlain) }
            let credentials = first.traits.contains(.offersTLS) ? ", with credentials before anything is encrypted" : ""
            ignored.append(
                Suspicion(
                    rule: "TLS004", at: exchange ?? demand, earlier: exchange == nil ? [] : [demand],
                    plain: first.traits.contains(.isPlain) ? plain.entry(first.key) : nil, count: repeated.count,
                    message: "\(first.client) asked for the same in clear text again, "
                        + "\(DurationText.plain(first.asked.nanoseconds(since: demand.asked))) after the request to which "
                        + "\(demand.server) answered 426 and demanded TLS\(credentials)."))
        }
    }

    private static func answers(_ later: ExchangeSummary, _ demand: ExchangeSummary) -> Bool {
        switch demand.status {
        case 401: return later.resource == demand.resource && later.traits.contains(.authorization)
        case 407: return later.resource == demand.resource && later.traits.contains(.proxyAuthorization)
        default: break
        }
        if demand.traits.contains(.demandsTLS) {
            return later.traits.contains(.offersTLS) && !ignores(later, demand)
        }
        guard later.resource == demand.resource, later.traits.contains(.offers) else { return false }
        return !demand.traits.contains(.offers) || later.version != demand.version
    }

    private static func ignores(_ later: ExchangeSummary, _ demand: ExchangeSummary) -> Bool {
        guard demand.traits.contains(.demandsTLS), later.resource == demand.resource else { return false }
        guard later.connection == demand.connection || later.visitor == demand.visitor else { return false }
        let secrets: ExchangeSummary.Traits = [.authorization, .proxyAuthorization, .cookie]
        return !later.traits.contains(.offersTLS) || !later.traits.isDisjoint(with: secrets)
    }
}
