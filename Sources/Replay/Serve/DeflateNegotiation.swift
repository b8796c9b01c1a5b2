// permessage-deflate, agreed to anew (RFC 7692 5.1, 7.1): as the recorded server did, as far as this client's offer
// allows.

internal import Ground
internal import Traffic

enum DeflateNegotiation {
    /// What a server answers that once answered `recorded`; `nil` when no extension can be agreed to.
    static func answer(offers: [ArraySlice<UInt8>], as recorded: [ArraySlice<UInt8>]) -> [UInt8]? {
        guard let wanted = recorded.lazy.compactMap({ Parameters($0) }).first else { return nil }
        for offer in offers.lazy.compactMap({ Parameters($0) }) {
            guard let agreed = wanted.fitted(to: offer) else { continue }
            return Array(agreed.text.utf8)
        }
        return nil
    }

    /// The parameters of one element.
    private struct Parameters {
        var serverNoContextTakeover = false
        var clientNoContextTakeover = false
        var serverMaxWindowBits: Int?
        /// 0 where the name stands without a value: the client can be told one.
        var clientMaxWindowBits: Int?

        /// `nil` where it is another extension, or has parameters that RFC 7692 does not know.
        init?(_ element: ArraySlice<UInt8>) {
            var isFirst = true
            var isKnown = true
            splitList(element, separator: UInt8(ascii: ";")) { part in
                defer { isFirst = false }
                let name = part.prefix { $0 != UInt8(ascii: "=") }
                let value = part[name.endIndex...].dropFirst().filter { $0 != UInt8(ascii: "\"") }[...]
                    .trimmingWhitespace()
                let bits = Int(value.text).flatMap { (8...15).contains($0) ? $0 : nil }
                switch name.trimmingWhitespace().text.lowercased() {
                case "permessage-deflate" where isFirst: break
                case "server_no_context_takeover" where !isFirst && value.isEmpty: serverNoContextTakeover = true
                case "client_no_context_takeover" where !isFirst && value.isEmpty: clientNoContextTakeover = true
                case "server_max_window_bits" where !isFirst && bits != nil: serverMaxWindowBits = bits
                case "client_max_window_bits" where !isFirst && value.isEmpty: clientMaxWindowBits = 0
                case "client_max_window_bits" where !isFirst && bits != nil: clientMaxWindowBits = bits
                default: isKnown = false
                }
            }
            if isFirst || !isKnown { return nil }
        }

        /// The same, within what an offer allows.
        func fitted(to offer: Parameters) -> Parameters? {
            var agreed = self
            agreed.serverNoContextTakeover = serverNoContextTakeover || offer.serverNoContextTakeover
            agreed.serverMaxWindowBits = [serverMaxWindowBits, offer.serverMaxWindowBits].compactMap { $0 }.min()
            switch (clientMaxWindowBits, offer.clientMaxWindowBits) {
            // Without the name in the offer the client cannot be told a window (7.1.2.2).
            case (_, nil), (nil, _), (0, _): agreed.clientMaxWindowBits = nil
            case (let recorded?, 0): agreed.clientMaxWindowBits = recorded
            case (let recorded?, let offered?): agreed.clientMaxWindowBits = min(recorded, offered)
            }
            // zlib has no window of 256 bytes.
            return agreed.serverMaxWindowBits == 8 ? nil : agreed
        }

        var text: String {
            var text = "permessage-deflate"
            if serverNoContextTakeover { text += "; server_no_context_takeover" }
            if clientNoContextTakeover { text += "; client_no_context_takeover" }
            if let bits = serverMaxWindowBits { text += "; server_max_window_bits=\(bits)" }
            if let bits = clientMaxWindowBits { text += "; client_max_window_bits=\(bits)" }
            return text
        }
    }
}
