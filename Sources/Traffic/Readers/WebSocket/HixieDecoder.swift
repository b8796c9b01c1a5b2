// The frames of draft-hixie-thewebsocketprotocol-75 and -76 (4.2 and 4.3 there), which have nothing in common with RFC 6455's.
//
// A type below 0x80 is followed by bytes up to 0xff: type 0x00 is a text message. A type from 0x80 on is followed by a length
// in groups of seven bits; 0xff with length 0 closes, in -76. After the 101 of -76 sixteen bytes answer the challenge.
// They are counted and not judged: nothing in the catalogue is about them.

import Ground

final class HixieDecoder: SessionReader {
    private var sides: [2 of Side]
    private let facts: WebSocketFacts

    init(_ facts: WebSocketFacts) {
        self.facts = facts
        sides = [2 of Side](repeating: Side())
        if facts.draft == .hixie76 { sides[1].state = .challenge(left: 16) }
    }

    @discardableResult
    func receive(_ chunk: borrowing Chunk) -> StreamEffects {
        sides[chunk.direction.index].receive(chunk)
        return .wereRead
    }

    @discardableResult
    func gap(_ gap: Gap) -> StreamEffects {
        sides[gap.direction.index].facts.lost = true
        return []
    }

    func finish(into exchange: inout Exchange) {
        for direction in Direction.allCases { facts.sides[direction] = sides[direction.index].facts }
        exchange.websocket = facts
    }

    struct Side {
        enum State {
            case challenge(left: Int)
            case type
            case text
            /// Seven bits at a time.
            case length(Int64)
            case binary(left: Int64)
        }

        var state = State.type
        var facts = WebSocketSide()
        private var type: UInt8 = 0

        mutating func receive(_ chunk: borrowing Chunk) {
            let bytes = chunk.bytes
            var index = 0
            while index < bytes.count, !facts.lost {
                switch state {
                case .challenge(let left):
                    let step = min(left, bytes.count - index)
                    index += step
                    state = left == step ? .type : .challenge(left: left - step)
                    continue
                case .type:
                    type = bytes[index]
                    state = type < 0x80 ? .text : .length(0)
                    if facts.firstMessage == nil { facts.firstMessage = chunk.arrival }
                case .text:
                    guard let end = bytes.firstIndex(of: 0xff, from: index) else {
                        count(bytes.count - index, payload: bytes.count - index)
                        return
                    }
                    count(end - index + 1, payload: end - index)
                    facts.frames[1] &+= 1
                    facts.textMessages &+= 1
                    state = .type
                    index = end + 1
                    continue
                case .length(let length):
                    let (shifted, isTooLong) = length.multipliedReportingOverflow(by: 128)
                    if isTooLong {
                        facts.lost = true
                        return
                    }
                    let next = shifted | Int64(bytes[index] & 0x7f)
                    if bytes[index] & 0x80 != 0 {
                        state = .length(next)
                    } else {
                        begin(next, chunk.place(at: index, length: 1))
                    }
                case .binary(let left):
                    let step = min(left, Int64(bytes.count - index))
                    count(Int(step), payload: Int(step))
                    index += Int(step)
                    state = left == step ? .type : .binary(left: left - step)
                    continue
                }
                count(1, payload: 0)
                index += 1
            }
        }

        private mutating func begin(_ length: Int64, _ place: Place) {
            state = length == 0 ? .type : .binary(left: length)
            if type == 0xff, length == 0 {
                facts.frames[8] &+= 1
                if facts.close == nil { facts.close = CloseFact(code: nil, reason: [], place: place) }
            } else {
                facts.frames[2] &+= 1
                facts.binaryMessages &+= 1
            }
        }

        private mutating func count(_ wire: Int, payload: Int) {
            facts.wireBytes += Int64(wire)
            facts.payloadBytes += Int64(payload)
        }
    }
}
