// What is so about an exchange, as bits: computed once, in one pass over its two heads, without allocating.
//
// Rules name the bits they need; `valid` of the report is made of them too, which is why it does not depend on
// the rules that are enabled. A bit says what is there or what is odd, never who is to blame.

import Ground
import Traffic

struct Facts: OptionSet, Sendable {
    var rawValue: UInt128
    init(rawValue: UInt128) { self.rawValue = rawValue }
    private init(bit: Int) { rawValue = 1 << UInt128(bit) }

    // The request's offer
    static let upgradeField = Facts(bit: 0)
    static let noUpgradeOption = Facts(bit: 1)
    static let optionWithoutUpgrade = Facts(bit: 2)
    static let offersWebSocket = Facts(bit: 3)
    static let offersH2C = Facts(bit: 4)
    static let offersH2 = Facts(bit: 5)
    static let offersTLS = Facts(bit: 6)
    static let offersHTTP = Facts(bit: 7)
    static let offersMasque = Facts(bit: 8)
    static let offersUnknown = Facts(bit: 9)
    static let offerMalformed = Facts(bit: 10)
    static let offersMixed = Facts(bit: 11)
    static let connect = Facts(bit: 12)
    static let unsolicited = Facts(bit: 13)

    // The request's form
    static let http10 = Facts(bit: 14)
    static let forwarded = Facts(bit: 15)
    static let hasBody = Facts(bit: 16)
    static let notGET = Facts(bit: 17)
    static let expectsContinue = Facts(bit: 18)
    static let lengthAndCoding = Facts(bit: 19)
    static let framingDoubtful = Facts(bit: 20)
    static let framingFields = Facts(bit: 21)
    static let nominatesEndToEnd = Facts(bit: 22)
    static let credentials = Facts(bit: 23)
    static let query = Facts(bit: 24)

    // The WebSocket handshake
    static let keyMissing = Facts(bit: 25)
    static let keyInvalid = Facts(bit: 26)
    static let versionMissing = Facts(bit: 27)
    static let versionOdd = Facts(bit: 28)
    static let hostInvalid = Facts(bit: 29)
    static let browserWithoutOrigin = Facts(bit: 30)
    static let parametersMalformed = Facts(bit: 31)
    static let deflateOfferInvalid = Facts(bit: 32)
    static let legacyDraft = Facts(bit: 33)
    static let foreignOrigin = Facts(bit: 34)
    static let offersSubprotocols = Facts(bit: 35)

    // HTTP2-Settings of the request
    static let settings = Facts(bit: 36)
    static let settingsNotOne = Facts(bit: 37)
    static let settingsNotNominated = Facts(bit: 38)

    // The response
    static let interim = Facts(bit: 39)
    static let status101 = Facts(bit: 40)
    static let status426 = Facts(bit: 41)
    static let redirect = Facts(bit: 42)
    static let challenge = Facts(bit: 43)
    static let refusesVersion = Facts(bit: 44)
    static let namesNoProtocol = Facts(bit: 45)
    static let responseWithoutOption = Facts(bit: 46)
    static let selectsNotOffered = Facts(bit: 47)
    static let selectsSeveral = Facts(bit: 48)
    static let selectsH2C = Facts(bit: 49)
    static let namesH2 = Facts(bit: 50)
    static let advertisesH2 = Facts(bit: 51)
    static let responseFraming = Facts(bit: 52)
    static let responseSettings = Facts(bit: 53)
    static let acceptWrong = Facts(bit: 54)
    static let subprotocolWrong = Facts(bit: 55)
    static let subprotocolSilent = Facts(bit: 56)
    static let extensionNotOffered = Facts(bit: 57)
    static let extensionLines = Facts(bit: 58)
    static let deflateAnswerInvalid = Facts(bit: 59)
    static let deflateContradicts = Facts(bit: 60)
    static let masqueAnswerWrong = Facts(bit: 61)

    // What followed
    static let switched = Facts(bit: 62)
    static let refused = Facts(bit: 63)
    static let incomplete = Facts(bit: 64)
    static let websocket = Facts(bit: 65)
    static let h2c = Facts(bit: 66)
    static let early = Facts(bit: 67)
    static let earlyUnknown = Facts(bit: 68)
    static let anomalies = Facts(bit: 69)
    static let laterRequests = Facts(bit: 70)
    static let laterResponses = Facts(bit: 71)
    static let gap = Facts(bit: 72)
    static let weakMasks = Facts(bit: 73)
    static let ended = Facts(bit: 74)
    static let endedUnclosed = Facts(bit: 75)
    static let clientSpoke = Facts(bit: 76)
    /// One side sent Close and the other did not.
    static let closedByOne = Facts(bit: 77)
    static let connectAccepted = Facts(bit: 78)
    /// A Ping waited for its Pong for more than a moment.
    static let pingWaited = Facts(bit: 79)
    static let oneDirection = Facts(bit: 80)
    static let holes = Facts(bit: 81)
    static let serverSpeaksHTTP = Facts(bit: 82)
    static let clientSpeaksHTTP = Facts(bit: 83)

    // Several of the above in one
    static let doubtfulSwitch = Facts(bit: 84)
    static let mustRefuse = Facts(bit: 85)
    static let mustFail = Facts(bit: 86)
    static let extensionAnswerOdd = Facts(bit: 87)
    static let namesHTTP2 = Facts(bit: 88)

    // A WebSocket session over time
    /// Nobody spoke for more than a moment, and nobody had sent Close.
    static let idle = Facts(bit: 89)
    static let wentOnAfterFault = Facts(bit: 90)
    static let informedClient = Facts(bit: 91)
    /// The request was not captured: of an answer nobody asked for, or of a session that goes on when the capture starts.
    static let requestUnseen = Facts(bit: 92)
    static let closedByBoth = Facts(bit: 93)

    /// Any of the faults that make a server refuse a WebSocket handshake (RFC 6455 4.2.1).
    static let badHandshake: Facts = [
        .keyMissing, .keyInvalid, .versionMissing, .versionOdd, .hostInvalid, .noUpgradeOption, .http10, .notGET,
    ]
    /// Some member of an Upgrade list, whichever.
    static let anyOffer: Facts = [
        .offersWebSocket, .offersH2C, .offersH2, .offersTLS, .offersHTTP, .offersMasque, .offersUnknown,
    ]
    /// Any of the faults after which a WebSocket client must fail the connection (RFC 6455 4.1).
    static let badAnswer: Facts = [
        .acceptWrong, .subprotocolWrong, .extensionNotOffered, .namesNoProtocol, .responseWithoutOption,
        .selectsNotOffered, .selectsSeveral,
    ]

    /// What is so about the exchange.
    init(_ exchange: borrowing Exchange) {
        rawValue = 0
        readHeads(exchange)
        if let response = exchange.response, hasWrongAccept(response, exchange) { insert(.acceptWrong) }
        readTrail(exchange)
        conclude()
    }

    private mutating func readHeads(_ exchange: Exchange) {
        if let request = exchange.request {
            readRequest(request, exchange.framing, exchange.websocket?.draft ?? .none)
        }
        if !exchange.interim.isEmpty { insert(.interim) }
        if exchange.kind == .connect { insert(.connect) }
        if exchange.kind == .unsolicited { insert(.unsolicited) }
        if exchange.request == nil { insert(.requestUnseen) }
        readOutcome(exchange)
        if let response = exchange.response { readResponse(response, exchange) }
        if !exchange.interim.isEmpty { readInterim(exchange.interim) }
    }

    func holdsAny(_ other: Facts) -> Bool { rawValue & other.rawValue != 0 }

    /// Bytes between the request and the end of its answer were not captured, or the request itself was not.
    var lacksBytes: Bool { contains(.gap) || contains(.requestUnseen) && !contains(.unsolicited) }

    /// `valid` of the report (RULES A); `nil` when nothing was switched, or nobody saw how.
    var isValid: Bool? {
        guard contains(.switched) else { return nil }
        guard contains(.status101) else { return contains(.connect) ? true : nil }
        if contains(.requestUnseen), !contains(.unsolicited) { return nil }
        if holdsAny([.namesNoProtocol, .selectsNotOffered, .unsolicited, .masqueAnswerWrong]) { return false }
        if !contains(.upgradeField) { return false }
        // The whole value of Upgrade has to be what a WebSocket client asked for (RFC 6455 4.1).
        if contains([.offersWebSocket, .selectsSeveral]) { return false }
        guard contains(.websocket) else { return true }
        return !holdsAny(Self.badAnswer.union([.deflateAnswerInvalid, .deflateContradicts]))
    }

    private mutating func readRequest(_ request: MessageHead, _ framing: RequestFraming, _ draft: WebSocketDraft) {
        var facts: Facts = []
        var hosts = 0
        var keys = 0
        var versions = 0
        var settings = 0
        var upgrades = 0
        var hasEmptyUpgrade = false
        var hasOtherOffer = false
        var hasUpgradeOption = false
        var hasSettingsOption = false
        var key: ArraySlice<UInt8>?
        var version: ArraySlice<UInt8>?
        var host: ArraySlice<UInt8>?
        var origin: ArraySlice<UInt8>?
        var browser = false
        for line in request.lines where line.name != .other {
            var value: ArraySlice<UInt8> { request.value(of: line) }
            switch line.name {
            case .host:
                hosts += 1
                host = value
            case .upgrade:
                facts.insert(.upgradeField)
                upgrades += 1
                let value = value
                // What nearly all of them say.
                if value.matchesIgnoringCase("websocket") {
                    facts.insert(.offersWebSocket)
                    break
                }
                hasOtherOffer = true
                facts.formUnion(Self.offers(in: value))
                if value.isEmpty { hasEmptyUpgrade = true }
            case .connection:
                let value = value
                if value.matchesIgnoringCase("upgrade") {
                    hasUpgradeOption = true
                    break
                }
                splitList(value) { member in
                    if member.matchesIgnoringCase("upgrade") {
                        hasUpgradeOption = true
                    } else if member.matchesIgnoringCase("http2-settings") {
                        hasSettingsOption = true
                    } else if Self.isEndToEnd(member) {
                        facts.insert(.nominatesEndToEnd)
                    }
                }
            case .secWebSocketKey:
                keys += 1
                key = value
            case .secWebSocketVersion:
                versions += 1
                version = value
            case .secWebSocketKey1, .secWebSocketKey2, .webSocketProtocol: facts.insert(.legacyDraft)
            case .secWebSocketProtocol:
                facts.insert(.offersSubprotocols)
                if HandshakeLists.subprotocolsAreMalformed(value) { facts.insert(.parametersMalformed) }
                splitList(value) { if Redaction.looksLikeJWT($0) { facts.insert(.credentials) } }
            case .secWebSocketExtensions:
                if DeflateParameters.isUsualOffer(value) { break }
                if HandshakeLists.extensionsAreMalformed(value) { facts.insert(.parametersMalformed) }
                if DeflateParameters.hasInvalid(value, inResponse: false) { facts.insert(.deflateOfferInvalid) }
            case .http2Settings: settings += Self.memberCount(value)
            case .origin: origin = value
            case .userAgent: if value.starts(with: "Mozilla/") { browser = true }
            case .secFetchMode, .secFetchSite, .secFetchDest: browser = true
            case .cookie, .authorization, .proxyAuthorization:
                facts.insert(.credentials)
                if line.name == .cookie { browser = true }
            case .via, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedServer,
                .xForwardedPort, .xRealIP:
                facts.insert(.forwarded)
            case .expect:
                splitList(value) { if $0.matchesIgnoringCase("100-continue") { facts.insert(.expectsContinue) } }
            case .contentLength, .transferEncoding: facts.insert(.framingFields)
            default: break
            }
        }
        if request.count(.secWebSocketProtocol) > 1, HandshakeLists.subprotocolsRepeat(request) {
            facts.insert(.parametersMalformed)
        }
        if request.isHTTP10 { facts.insert(.http10) }
        if !request.isMethod("GET") { facts.insert(.notGET) }
        if !hasUpgradeOption, facts.contains(.upgradeField) { facts.insert(.noUpgradeOption) }
        if hasUpgradeOption, !facts.holdsAny(Self.anyOffer) { facts.insert(.optionWithoutUpgrade) }
        // Joined in order, an empty line is an empty member.
        if upgrades > 1, hasEmptyUpgrade { facts.insert(.offerMalformed) }
        if hasOtherOffer, Self.isMixed(request, facts) { facts.insert(.offersMixed) }
        if facts.contains(.framingFields) {
            if (framing.contentLength ?? 0) > 0 || request.has(.transferEncoding) { facts.insert(.hasBody) }
            if framing.lengthAndCoding { facts.insert(.lengthAndCoding) }
            if framing.endUnknown || request.count(.contentLength) > 1
                || request.value(.contentLength)?.contains(UInt8(ascii: ",")) == true
            {
                facts.insert(.framingDoubtful)
            }
        }
        if !request.defects.isDisjoint(with: [.bareLF, .bareCR, .folded, .spaceBeforeColon, .controlByte]) {
            facts.insert(.framingDoubtful)
        }
        if request.target.contains(UInt8(ascii: "?")) { facts.insert(.query) }
        if facts.contains(.offersWebSocket) {
            if versions == 1, let version, let number = HandshakeLists.number(version), number <= 8 {
                facts.insert(.legacyDraft)
            }
            // An answer in the manner of hixie-75 says what the request left open.
            if draft.isHixie { facts.insert(.legacyDraft) }
            let isHixie = facts.contains(.legacyDraft) && versions == 0
            if keys == 0, !isHixie { facts.insert(.keyMissing) }
            if keys > 1 || key.map({ !HandshakeLists.isKey($0) }) == true { facts.insert(.keyInvalid) }
            if versions != 1, !isHixie { facts.insert(.versionMissing) }
            if versions == 1, version.map({ !$0.matches("13") }) == true { facts.insert(.versionOdd) }
            if hosts != 1 || host?.isEmpty == true || Self.targetDiffers(request.target, host) {
                facts.insert(.hostInvalid)
            }
            if browser, origin == nil, !facts.contains(.legacyDraft) { facts.insert(.browserWithoutOrigin) }
            // With several Host lines it is not known which one counts: the page has to be foreign to all.
            if let origin, let host, Self.isForeign(origin, host, request),
                hosts == 1 || request.values(.host).allSatisfy({ Self.isForeign(origin, $0, request) })
            {
                facts.insert(.foreignOrigin)
            }
        } else {
            facts.remove([.legacyDraft, .parametersMalformed, .deflateOfferInvalid])
        }
        if settings > 0 { facts.insert(.settings) }
        if facts.contains(.offersH2C) {
            if settings != 1 { facts.insert(.settingsNotOne) }
            if !hasSettingsOption { facts.insert(.settingsNotNominated) }
        }
        formUnion(facts)
    }

    private mutating func readResponse(_ response: MessageHead, _ exchange: Exchange) {
        let status = response.status
        switch status {
        case 101: insert(.status101)
        case 426: insert([.status426, .refusesVersion])
        case 400: insert(.refusesVersion)
        case 301, 302, 303, 307, 308: insert(.redirect)
        case 401, 407: insert(.challenge)
        default: break
        }
        var facts: Facts = []
        var names = 0
        var hasUpgrade = false
        var hasOption = false
        var protocols = 0
        var extensions = 0
        var upgradeLines = 0
        for line in response.lines where line.name != .other {
            var value: ArraySlice<UInt8> { response.value(of: line) }
            switch line.name {
            case .upgrade:
                hasUpgrade = true
                upgradeLines += 1
                let value = value
                if value.matchesIgnoringCase("websocket") {
                    names += 1
                    break
                }
                splitList(value) { member in
                    names += 1
                    switch Self.token(member) {
                    case .offersH2C: facts.insert(.selectsH2C)
                    case .offersH2: facts.insert(.namesH2)
                    default: break
                    }
                }
            case .connection:
                let value = value
                if value.matchesIgnoringCase("upgrade") {
                    hasOption = true
                    break
                }
                splitList(value) { if $0.matchesIgnoringCase("upgrade") { hasOption = true } }
            case .contentLength, .transferEncoding: facts.insert(.responseFraming)
            case .http2Settings: facts.insert(.responseSettings)
            case .secWebSocketProtocol: protocols += 1
            case .secWebSocketExtensions: extensions += 1
            case .secWebSocketVersion: remove(.refusesVersion)
            default: break
            }
        }
        // Where content is forbidden, the fields are a fault of their own (RES007, CON003).
        let mayHaveContent = status >= 200 && status != 204 && !contains([.connect, .switched])
        if mayHaveContent, response.has(.contentLength), response.has(.transferEncoding) {
            facts.insert(.lengthAndCoding)
        }
        if hasUpgrade, !hasOption { facts.insert(.responseWithoutOption) }
        if status != 101, status != 426, facts.holdsAny([.selectsH2C, .namesH2]) { facts.insert(.advertisesH2) }
        if status != 101 { facts.remove(.selectsH2C) }
        if status == 426 || status == 101, names == 0 { facts.insert(.namesNoProtocol) }
        formUnion(facts)
        if status == 101, let request = exchange.request, contains(.upgradeField) {
            if names > 0, Selection(request: request, response: response) != .offered { insert(.selectsNotOffered) }
            if names > 1, !Selection.isStack(response) { insert(.selectsSeveral) }
            if exchange.upgraded == .connectUDP || exchange.upgraded == .connectIP || exchange.upgraded == .connectTCP,
                upgradeLines != 1 || names != 1
            {
                insert(.masqueAnswerWrong)
            }
        }
        // The hixie drafts have no fields of the handshake that could be wrong.
        guard status == 101, contains(.websocket), let request = exchange.request,
            exchange.websocket?.draft.isHixie != true
        else { return }
        if protocols > 0 {
            if protocols > 1 || !HandshakeLists.isOffered(response.value(.secWebSocketProtocol) ?? [], in: request) {
                insert(.subprotocolWrong)
            }
        } else if contains(.offersSubprotocols) {
            insert(.subprotocolSilent)
        }
        if extensions > 0, !DeflateParameters.isUsualPair(response, request) {
            if extensions > 1 { insert(.extensionLines) }
            if !HandshakeLists.extensionsAreOffered(response, request) { insert(.extensionNotOffered) }
            var deflates = 0
            for line in response.lines where line.name == .secWebSocketExtensions {
                let value = response.value(of: line)
                deflates += DeflateParameters.count(value)
                if DeflateParameters.hasInvalid(value, inResponse: true) { insert(.deflateAnswerInvalid) }
            }
            if deflates > 1 { insert(.deflateAnswerInvalid) }
            if deflates == 1, DeflateParameters.contradicts(response, request) { insert(.deflateContradicts) }
        }
    }

    private func hasWrongAccept(_ response: MessageHead, _ exchange: Exchange) -> Bool {
        guard response.status == 101, contains(.websocket), exchange.request?.place != nil else { return false }
        // The hixie drafts have no such field.
        if exchange.websocket?.draft.isHixie == true { return false }
        let expected = exchange.websocket?.expectedAccept ?? []
        return response.count(.secWebSocketAccept) != 1
            || !expected.isEmpty && response.value(.secWebSocketAccept) != expected[...]
    }

    private mutating func readInterim(_ interim: [MessageHead]) {
        for head in interim {
            if head.has(.contentLength) || head.has(.transferEncoding) { insert(.responseFraming) }
            if head.has(.http2Settings) { insert(.responseSettings) }
        }
    }

    private mutating func readOutcome(_ exchange: Exchange) {
        switch exchange.outcome {
        case .switched:
            insert(.switched)
            if exchange.kind == .connect { insert(.connectAccepted) }
        case .declined, .required, .redirected, .failed: insert(.refused)
        case .incomplete: insert(.incomplete)
        }
        switch exchange.upgraded {
        case .websocket: insert(.websocket)
        case .h2c: insert(.h2c)
        default: break
        }
    }

    private mutating func readTrail(_ exchange: Exchange) {
        if exchange.touchesGap { insert(.gap) }
        if !exchange.anomalies.isEmpty { insert(.anomalies) }
        if !exchange.laterRequests.isEmpty { insert(.laterRequests) }
        if exchange.laterResponses > 0 { insert(.laterResponses) }
        if exchange.switched.client.bytes > 0 { insert(.clientSpoke) }
        if exchange.connection.ended.client != .open || exchange.connection.ended.server != .open { insert(.ended) }
        if exchange.connection.packets.server == 0 || exchange.connection.packets.client == 0 { insert(.oneDirection) }
        // What the rules about sessions know was not so before RFC 6455.
        if let session = exchange.websocket, session.draft == .none {
            session.withSides { readSession(&$0) }
            if session.longestIdle != nil { insert(.idle) }
        }
        if contains(.status101) {
            if Words.isStatusLine(exchange.switched.server.excerpt[...]) { insert(.serverSpeaksHTTP) }
            if Words.requestLine(exchange.switched.client.excerpt[...]) != nil { insert(.clientSpeaksHTTP) }
        }
        for anomaly in exchange.anomalies where anomaly.kind == .gapAfterSwitch || anomaly.kind == .syncLost {
            insert(.holes)
        }
        if exchange.touchesGap { insert(.holes) }
        // hixie-76 sends eight bytes after the head that belong to the handshake, whatever Content-Length says.
        let lacksKey3 =
            contains(.legacyDraft) && exchange.request?.has(.secWebSocketKey1) == true
            && exchange.framing.bodyBytes < 8
        if holdsAny([.upgradeField, .connect]), let early = exchange.early,
            !(lacksKey3 && early.clientBytes <= 8)
        {
            switch early.verdict {
            case .none: break
            case .undetermined: insert(.earlyUnknown)
            case .proven, .partial, .order, .timing: insert(.early)
            }
        }
    }

    private mutating func readSession(_ sides: inout PerDirection<WebSocketSide>) {
        if sides.client.zeroKeys > 0 || sides.client.longestEqualKeyRun >= 2 || sides.client.longestStepRun >= 2 {
            insert(.weakMasks)
        }
        switch (sides.client.close != nil, sides.server.close != nil) {
        case (true, true): insert(.closedByBoth)
        case (true, false), (false, true): insert(.closedByOne)
        case (false, false):
            insert(.idle)
            if contains(.ended) { insert(.endedUnclosed) }
        }
        if sides.client.slowestPing != nil || sides.server.slowestPing != nil || sides.client.openPing != nil
            || sides.server.openPing != nil
        {
            insert(.pingWaited)
        }
        if sides.client.faultAnswer != nil || sides.server.faultAnswer != nil { insert(.wentOnAfterFault) }
        if sides.client.firstInformedFrame != nil { insert(.informedClient) }
    }

    private mutating func conclude() {
        if holdsAny([.namesNoProtocol, .selectsNotOffered, .acceptWrong])
            || contains([.notGET, .offersWebSocket])
        {
            insert(.doubtfulSwitch)
        }
        if holdsAny(Self.badHandshake) { insert(.mustRefuse) }
        if holdsAny(Self.badAnswer) { insert(.mustFail) }
        if holdsAny([.extensionNotOffered, .extensionLines]) { insert(.extensionAnswerOdd) }
        if contains([.status101, .namesH2]) || contains(.responseSettings) { insert(.namesHTTP2) }
    }

    /// What the members of one Upgrade line offer.
    private static func offers(in value: ArraySlice<UInt8>) -> Facts {
        var facts: Facts = []
        splitList(value) { member in
            let token = token(member)
            facts.formUnion(token)
            if !ProtocolName.isWellFormed(member) { facts.insert(.offerMalformed) }
        }
        if ProtocolName.hasEmptyMember(value) { facts.insert(.offerMalformed) }
        return facts
    }

    /// The family a member of an Upgrade list belongs to.
    static func token(_ member: ArraySlice<UInt8>) -> Facts {
        let name = ProtocolName.name(of: member)
        switch name.count {
        case 2 where member.matchesIgnoringCase("h2"): return .offersH2
        case 3 where name.matchesIgnoringCase("h2c"): return .offersH2C
        case 3 where name.matchesIgnoringCase("tls"): return .offersTLS
        case 4 where name.matchesIgnoringCase("http"): return .offersHTTP
        case 9 where name.matchesIgnoringCase("websocket"): return .offersWebSocket
        case 10 where name.matchesIgnoringCase("connect-ip"): return .offersMasque
        case 11 where name.matchesIgnoringCase("connect-udp") || name.matchesIgnoringCase("connect-tcp"):
            return .offersMasque
        default: return .offersUnknown
        }
    }

    /// Whether websocket or connect-* stands beside another name (duplicates aside).
    private static func isMixed(_ request: MessageHead, _ facts: Facts) -> Bool {
        guard facts.holdsAny([.offersWebSocket, .offersMasque]) else { return false }
        var first: ArraySlice<UInt8>?
        var mixed = false
        for line in request.lines where line.name == .upgrade {
            splitList(request.value(of: line)) { member in
                let name = ProtocolName.name(of: member)
                if let first { if !first.matchesIgnoringCase(name) { mixed = true } } else { first = name }
            }
        }
        return mixed
    }

    private static func memberCount(_ value: ArraySlice<UInt8>) -> Int {
        var count = 0
        splitList(value) { _ in count += 1 }
        return max(count, 1)
    }

    /// Fields that a proxy must not be told to remove (RFC 9110 7.6.1).
    static func isEndToEnd(_ member: ArraySlice<UInt8>) -> Bool {
        switch member.count {
        case 4: member.matchesIgnoringCase("host")
        case 6: member.matchesIgnoringCase("cookie") || member.matchesIgnoringCase("origin")
        case 9: member.matchesIgnoringCase("x-real-ip") || member.matchesIgnoringCase("forwarded")
        case 12: member.matchesIgnoringCase("content-type")
        case 13: member.matchesIgnoringCase("authorization") || member.matchesIgnoringCase("cache-control")
        case 14: member.matchesIgnoringCase("content-length")
        case 15: member.matchesIgnoringCase("x-forwarded-for")
        case 17: member.matchesIgnoringCase("x-forwarded-proto") || isWebSocketField(member)
        default: isWebSocketField(member)
        }
    }

    private static func isWebSocketField(_ member: ArraySlice<UInt8>) -> Bool {
        member.count > 14 && member.prefix(14).matchesIgnoringCase("sec-websocket-")
    }

    private static func targetDiffers(_ target: ArraySlice<UInt8>, _ host: ArraySlice<UInt8>?) -> Bool {
        guard target.first != UInt8(ascii: "/"), let host, let authority = Authority(absolute: target) else {
            return false
        }
        return !authority.isSame(as: Authority(host))
    }

    /// Whether the page at `origin` belongs to another site than the one asked (RFC 6455 10.2).
    private static func isForeign(_ origin: ArraySlice<UInt8>, _ host: ArraySlice<UInt8>, _ request: MessageHead)
        -> Bool
    {
        guard let page = Authority(absolute: origin) else { return true }
        if page.scheme.matchesIgnoringCase("http"),
            request.value(.xForwardedProto)?.matchesIgnoringCase("https") == true
        {
            return true
        }
        if page.isSame(as: Authority(host)) { return false }
        if let forwarded = request.value(.xForwardedHost) { return !page.isSame(as: Authority(forwarded)) }
        return true
    }
}

/// A member of an Upgrade list: `name` or `name/version` (RFC 9110 7.8).
enum ProtocolName {
    static func name(of member: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let slash = member.firstIndex(of: UInt8(ascii: "/")) else { return member }
        return member[..<slash]
    }

    static func version(of member: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let slash = member.firstIndex(of: UInt8(ascii: "/")) else { return nil }
        return member[(slash + 1)...]
    }

    static func isWellFormed(_ member: ArraySlice<UInt8>) -> Bool {
        let name = name(of: member)
        guard !name.isEmpty, name.allSatisfy(\.isTokenByte) else { return false }
        guard let version = version(of: member) else { return true }
        return !version.isEmpty && version.allSatisfy(\.isTokenByte)
    }

    /// Whether a list value has an empty member; a wholly empty value has none.
    static func hasEmptyMember(_ value: ArraySlice<UInt8>) -> Bool {
        guard !value.isEmpty, value.contains(UInt8(ascii: ",")) else { return false }
        var commas = 0
        var members = 0
        var quoted = false
        for byte in value {
            if byte == UInt8(ascii: "\"") { quoted.toggle() } else if byte == UInt8(ascii: ","), !quoted { commas += 1 }
        }
        splitList(value) { _ in members += 1 }
        return members < commas + 1
    }
}

/// How a 101's protocols stand to the offered ones (RFC 9110 7.8).
enum Selection {
    case offered, otherVersion, notOffered

    init(request: MessageHead, response: MessageHead) {
        if let chosen = response.value(.upgrade), !chosen.contains(UInt8(ascii: ",")), response.count(.upgrade) == 1,
            request.value(.upgrade) == chosen
        {
            self = .offered
            return
        }
        var worst = Selection.offered
        var afterTLS = false
        for line in response.lines where line.name == .upgrade {
            splitList(response.value(of: line)) { member in
                let isLayer = afterTLS && ProtocolName.name(of: member).matchesIgnoringCase("http")
                afterTLS = ProtocolName.name(of: member).matchesIgnoringCase("tls")
                if isLayer { return }
                switch Self.match(member, request) {
                case .offered: break
                case .otherVersion: if worst == .offered { worst = .otherVersion }
                case .notOffered: worst = .notOffered
                }
            }
        }
        self = worst
    }

    private static func match(_ member: ArraySlice<UInt8>, _ request: MessageHead) -> Selection {
        var best = Selection.notOffered
        let name = ProtocolName.name(of: member)
        let version = ProtocolName.version(of: member)
        for line in request.lines where line.name == .upgrade {
            splitList(request.value(of: line)) { offer in
                guard ProtocolName.name(of: offer).matchesIgnoringCase(name) else { return }
                if ProtocolName.version(of: offer) == version {
                    best = .offered
                } else if best == .notOffered {
                    best = .otherVersion
                }
            }
        }
        return best
    }

    /// TLS and HTTP above it: layers, not choices (RFC 2817 3.3).
    static func isStack(_ response: MessageHead) -> Bool {
        let members = response.members(.upgrade)
        return members.count == 2 && ProtocolName.name(of: members[0]).matchesIgnoringCase("tls")
            && ProtocolName.name(of: members[1]).matchesIgnoringCase("http")
    }
}
