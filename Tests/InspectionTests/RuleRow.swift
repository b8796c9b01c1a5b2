// Every rule's trigger and near miss, as wire bytes.
//
// A row names all rules that speak: one that speaks without being named fails the row just as one that is silent.

import Testing
import Traffic

@testable import Inspection

/// A rule, a conversation that breaks it, and one that comes close and does not.
struct RuleRow: CustomTestStringConvertible {
    var rule: String
    var trigger: [Step]
    /// Rules that speak beside `rule`.
    var also: Set<String> = []
    /// The level it is found at, where it is not the usual one.
    var level: Level?
    var fault: Fault?
    var nearMiss: [Step]
    /// Rules that speak in the near miss.
    var nearAlso: Set<String> = []
    var handshake = true
    var unseen: Direction?
    /// The near miss happens on the loopback interface.
    var nearLoopback = false
    var testDescription: String { "\(rule): \(Catalogue.rule(rule)?.title ?? "")" }
}

// What rows of several families say.

let hello = "81 85 37 fa 21 3d 7f 9f 4d 51 58"
let greeting = "81 05 48 65 6c 6c 6f"
let clientClose = "88 82 37 fa 21 3d 34 12"
let serverClose = "88 02 03 e8"
let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + bytes("00 00 00 04 00 00 00 00 00")
let clientHello = bytes(
    "16 03 01 00 2f 01 00 00 2b 03 03 00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 "
        + "19 1a 1b 1c 1d 1e 1f 00 00 02 13 01 01 00 00 00")
let getBytes = Head.get.bytes
let ok = Head.answer("200 OK")
let pmd = Head.ws.with("Sec-WebSocket-Extensions", "permessage-deflate")
let pmdAnswer = Head.wsAnswer.with("Sec-WebSocket-Extensions", "permessage-deflate")

func session(_ more: Step...) -> [Step] { [.client(.ws), .server(.wsAnswer)] + more }
func times(_ count: Int, _ text: String) -> [UInt8] { (0..<count).flatMap { _ in bytes(text) } }

let packedHello = "c1 07 f2 48 cd c9 c9 07 00"

func compressed(_ more: Step...) -> [Step] { [.client(pmd), .server(pmdAnswer)] + more }
func compressed(_ parameters: String, _ more: Step...) -> [Step] {
    let value = "permessage-deflate" + parameters
    return [
        .client(pmd.with("Sec-WebSocket-Extensions", value)),
        .server(pmdAnswer.with("Sec-WebSocket-Extensions", value)),
    ] + more
}

let ruleRows: [RuleRow] =
    upgradeRows + responseRows + earlyRows + handshakeRows + frameRows + sessionRows + deflateRows + h2cRows
    + connectRows + goingOnRows + smugglingRows + captureRows + trapRows
