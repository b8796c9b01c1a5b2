// The list fields of the WebSocket handshake: keys, versions, subprotocols, extensions (RFC 6455 4.1, 9.1, 11.3)
// and the parameters of permessage-deflate (RFC 7692 7.1). Everything here reads slices and allocates nothing.

import Ground
import Traffic

enum HandshakeLists {
    /// Base64 of sixteen bytes; padding bits may be anything, as in the RFC's own sample.
    static func isKey(_ key: ArraySlice<UInt8>) -> Bool { Base64.isText(key, ofBytes: 16) }

    /// A number of one to three digits without a leading zero.
    static func number(_ text: ArraySlice<UInt8>) -> Int? {
        text.count > 1 && text.first == 0x30 ? nil : text.decimal(digits: 1...3)
    }

    static func isToken(_ text: ArraySlice<UInt8>) -> Bool { !text.isEmpty && text.allSatisfy(\.isTokenByte) }

    /// A member that is no token, an empty list, or the same member twice on one line.
    static func subprotocolsAreMalformed(_ value: ArraySlice<UInt8>) -> Bool {
        var malformed = ProtocolName.hasEmptyMember(value)
        var count = 0
        splitList(value) { member in
            count += 1
            if !isToken(member) { malformed = true }
            if count <= 32 {
                var same = 0
                splitList(value) { if $0 == member { same += 1 } }
                if same > 1 { malformed = true }
            }
        }
        return malformed || count == 0
    }

    /// The same subprotocol on two lines.
    static func subprotocolsRepeat(_ request: MessageHead) -> Bool {
        let members = request.members(.secWebSocketProtocol)
        return Set(members).count < members.count
    }

    /// Whether `chosen` is exactly one of the offered subprotocols.
    static func isOffered(_ chosen: ArraySlice<UInt8>, in request: MessageHead) -> Bool {
        guard !chosen.isEmpty else { return false }
        var found = false
        for line in request.lines where line.name == .secWebSocketProtocol && !found {
            splitList(request.value(of: line)) { if $0 == chosen { found = true } }
        }
        return found
    }

    /// Not `token *( ";" token [ "=" ( token / quoted token ) ] )`.
    static func extensionsAreMalformed(_ value: ArraySlice<UInt8>) -> Bool {
        var malformed = ProtocolName.hasEmptyMember(value)
        var count = 0
        splitList(value) { member in
            count += 1
            var isFirst = true
            var parts = 0
            splitList(member, separator: UInt8(ascii: ";")) { part in
                parts += 1
                if isFirst {
                    if !isToken(part) { malformed = true }
                    isFirst = false
                } else {
                    let (name, value) = parameter(part)
                    if !isToken(name) { malformed = true }
                    if let value, !isToken(unquoted(value)) { malformed = true }
                }
            }
            if parts != 1 + separators(in: member) { malformed = true }
        }
        return malformed || count == 0
    }

    /// Every extension of the response bears a name the request offered.
    static func extensionsAreOffered(_ response: MessageHead, _ request: MessageHead) -> Bool {
        var allOffered = true
        for line in response.lines where line.name == .secWebSocketExtensions {
            splitList(response.value(of: line)) { chosen in
                if !isExtensionOffered(name(of: chosen), request) { allOffered = false }
            }
        }
        return allOffered
    }

    static func isExtensionOffered(_ name: ArraySlice<UInt8>, _ request: MessageHead) -> Bool {
        var found = false
        for line in request.lines where line.name == .secWebSocketExtensions && !found {
            splitList(request.value(of: line)) { offer in
                if self.name(of: offer).matchesIgnoringCase(name) { found = true }
            }
        }
        return found
    }

    /// The part before the first ";".
    static func name(of member: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let end = member.firstIndex(of: UInt8(ascii: ";")) else { return member }
        return member[..<end].trimmingWhitespace()
    }

    static func parameter(_ part: ArraySlice<UInt8>) -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>?) {
        guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return (part, nil) }
        return (part[..<equals].trimmingWhitespace(), part[(equals + 1)...].trimmingWhitespace())
    }

    static func unquoted(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard value.count >= 2, value.first == 0x22, value.last == 0x22 else { return value }
        return value.dropFirst().dropLast()
    }

    private static func separators(in member: ArraySlice<UInt8>) -> Int {
        var count = 0
        var quoted = false
        for byte in member {
            if byte == 0x22 { quoted.toggle() } else if byte == UInt8(ascii: ";"), !quoted { count += 1 }
        }
        return count
    }
}

/// The parameters of one permessage-deflate element.
struct DeflateParameters {
    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    /// 0 when the parameter is absent.
    var serverWindowBits = 0
    var offersClientWindowBits = false
    /// A parameter is unknown, repeated or has a value it must not have.
    var isInvalid = false

    init(_ element: ArraySlice<UInt8>, inResponse: Bool) {
        var parameters = (first: true, serverContext: 0, clientContext: 0, serverBits: 0, clientBits: 0)
        var result = (bits: 0, invalid: false)
        splitList(element, separator: UInt8(ascii: ";")) { part in
            if parameters.first {
                parameters.first = false
                return
            }
            let (name, value) = HandshakeLists.parameter(part)
            let bits = value.flatMap { HandshakeLists.number(HandshakeLists.unquoted($0)) } ?? 0
            if name.matchesIgnoringCase("server_no_context_takeover") {
                parameters.serverContext += 1
                if value != nil { result.invalid = true }
            } else if name.matchesIgnoringCase("client_no_context_takeover") {
                parameters.clientContext += 1
                if value != nil { result.invalid = true }
            } else if name.matchesIgnoringCase("server_max_window_bits") {
                parameters.serverBits += 1
                result.bits = bits
                if !(8...15).contains(bits) { result.invalid = true }
            } else if name.matchesIgnoringCase("client_max_window_bits") {
                parameters.clientBits += 1
                if value == nil ? inResponse : !(8...15).contains(bits) { result.invalid = true }
            } else {
                result.invalid = true
            }
        }
        serverNoContextTakeover = parameters.serverContext > 0
        clientNoContextTakeover = parameters.clientContext > 0
        serverWindowBits = result.bits
        offersClientWindowBits = parameters.clientBits > 0
        isInvalid =
            result.invalid || parameters.serverContext > 1 || parameters.clientContext > 1
            || parameters.serverBits > 1 || parameters.clientBits > 1
    }

    /// An answer this offer allows (RFC 7692 7.1).
    func allows(_ answer: DeflateParameters) -> Bool {
        if answer.offersClientWindowBits, !offersClientWindowBits { return false }
        if serverNoContextTakeover, !answer.serverNoContextTakeover { return false }
        if serverWindowBits > 0, answer.serverWindowBits == 0 || answer.serverWindowBits > serverWindowBits {
            return false
        }
        return true
    }

    /// What browsers and most libraries offer: nothing can be wrong with it.
    static func isUsualOffer(_ value: ArraySlice<UInt8>) -> Bool {
        value.matches("permessage-deflate; client_max_window_bits") || value.matches("permessage-deflate")
    }

    /// The usual offer and the usual answer, one line each.
    static func isUsualPair(_ response: MessageHead, _ request: MessageHead) -> Bool {
        guard response.count(.secWebSocketExtensions) == 1, request.count(.secWebSocketExtensions) == 1 else {
            return false
        }
        return response.value(.secWebSocketExtensions)?.matches("permessage-deflate") == true
            && request.value(.secWebSocketExtensions).map { isUsualOffer($0) } == true
    }

    static func isDeflate(_ element: ArraySlice<UInt8>) -> Bool {
        HandshakeLists.name(of: element).matchesIgnoringCase("permessage-deflate")
    }

    static func count(_ value: ArraySlice<UInt8>) -> Int {
        var count = 0
        splitList(value) { if isDeflate($0) { count += 1 } }
        return count
    }

    static func hasInvalid(_ value: ArraySlice<UInt8>, inResponse: Bool) -> Bool {
        var invalid = false
        splitList(value) { element in
            if isDeflate(element), DeflateParameters(element, inResponse: inResponse).isInvalid { invalid = true }
        }
        return invalid
    }

    /// permessage-deflate was offered, and no offer allows the answer.
    static func contradicts(_ response: MessageHead, _ request: MessageHead) -> Bool {
        var answer: DeflateParameters?
        for line in response.lines where line.name == .secWebSocketExtensions {
            splitList(response.value(of: line)) {
                if isDeflate($0) { answer = DeflateParameters($0, inResponse: true) }
            }
        }
        guard let answer else { return false }
        var offers = 0
        var allowed = false
        for line in request.lines where line.name == .secWebSocketExtensions {
            splitList(request.value(of: line)) {
                guard isDeflate($0) else { return }
                offers += 1
                if DeflateParameters($0, inResponse: false).allows(answer) { allowed = true }
            }
        }
        return offers > 0 && !allowed
    }
}
