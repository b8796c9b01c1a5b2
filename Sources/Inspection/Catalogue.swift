// The catalogue: every rule there is, in the order of the families.
//
// It is the only list of rules. When a rule is judged, and what it is silent for where bytes are missing, derives from its
// entry (`reads`, `needsEveryByte`, `scope`, `when`).

public enum Catalogue {
    public static let all: [Rule] = [
        UpgradeRules.rules, ResponseRules.rules, EarlyRules.rules, WebSocketHandshakeRules.rules,
        WebSocketFrameRules.rules, DeflateRules.rules, H2CRules.rules, ConnectRules.rules, SmugglingRules.rules,
        CaptureRules.rules, CorrelationRules.rules,
    ].flatMap { $0 }

    /// The rule of that identifier or name; `nil` when there is none.
    public static func rule(_ id: String) -> Rule? {
        let wanted = id.lowercased()
        return all.first { $0.id.lowercased() == wanted || $0.name == wanted }
    }
}
