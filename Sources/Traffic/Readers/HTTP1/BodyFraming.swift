// Where a message ends: section B of the rule catalogue, which is RFC 9112 6.3 for witnesses.
//
// An Upgrade field never removes a body. Content that nobody reads is skipped by subtraction; only chunk headers
// are looked at.

import Ground

/// How the body of a message is delimited.
enum BodyLength: Equatable {
    case none
    case bytes(Int64)
    case chunked
    case untilClose
    /// Contradictory or invalid: the end cannot be known.
    case unknown
}

extension ParsedHead {
    /// Framing of a request (RULES B 1 to 5).
    func requestBody(_ bytes: Span<UInt8>) -> (length: BodyLength, framing: RequestFraming) {
        var framing = RequestFraming()
        guard has(.contentLength) || has(.transferEncoding) else { return (.none, framing) }
        let length = contentLength(bytes)
        if case .bytes(let count) = length { framing.contentLength = count }
        if has(.transferEncoding) {
            framing.lengthAndCoding = has(.contentLength)
            guard isChunked(bytes), version.minor >= 1 else {
                framing.endUnknown = true
                return (.unknown, framing)
            }
            framing.chunked = true
            return (.chunked, framing)
        }
        if length == .unknown { framing.endUnknown = true }
        return (length == .bytes(0) ? .none : length, framing)
    }

    /// Framing of a response (RULES B, responses 1 to 5); the tunnel of a 2xx to CONNECT is the caller's.
    func responseBody(_ bytes: Span<UInt8>, toHEAD: Bool) -> BodyLength {
        if toHEAD || status < 200 || status == 204 || status == 304 { return .none }
        if has(.transferEncoding) { return isChunked(bytes) ? .chunked : .untilClose }
        guard has(.contentLength) else { return .untilClose }
        let length = contentLength(bytes)
        return length == .bytes(0) ? .none : length
    }

    /// All Content-Length members equal and digits only, else `.unknown`.
    private func contentLength(_ bytes: Span<UInt8>) -> BodyLength {
        var value: Int64?
        for line in lines where line.name == .contentLength {
            var index = skipped + Int(line.valueRange.lowerBound)
            let end = skipped + Int(line.valueRange.upperBound)
            guard index < end else { return .unknown }
            while index < end {
                var member: Int64 = 0
                let start = index
                while index < end, bytes[index] &- 0x30 < 10 {
                    let (product, over) = member.multipliedReportingOverflow(by: 10)
                    let (sum, overflow) = product.addingReportingOverflow(Int64(bytes[index] &- 0x30))
                    guard !over, !overflow, sum < 1 << 60 else { return .unknown }
                    member = sum
                    index += 1
                }
                guard index > start, value == nil || value == member else { return .unknown }
                value = member
                while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
                guard index < end else { break }
                guard bytes[index] == 0x2c else { return .unknown }
                index += 1
                while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
                guard index < end else { return .unknown }
            }
        }
        return value.map { .bytes($0) } ?? .unknown
    }

    /// Whether `chunked` is the last transfer coding, and stands there once.
    private func isChunked(_ bytes: Span<UInt8>) -> Bool {
        var last = false
        var times = 0
        for line in lines where line.name == .transferEncoding {
            var index = skipped + Int(line.valueRange.lowerBound)
            let end = skipped + Int(line.valueRange.upperBound)
            while index < end {
                while index < end, bytes[index] == 0x20 || bytes[index] == 0x09 || bytes[index] == 0x2c { index += 1 }
                let start = index
                while index < end, bytes[index] != 0x2c { index += 1 }
                var stop = index
                while stop > start, bytes[stop - 1] == 0x20 || bytes[stop - 1] == 0x09 { stop -= 1 }
                guard stop > start else { continue }
                last = stop - start == 7 && bytes.hasIgnoringCase("chunked", at: start)
                if last { times += 1 }
            }
        }
        return last && times == 1
    }
}

/// The chunked coding of RFC 9112 7.1, followed without looking at the content.
struct ChunkedReader {
    private enum State { case size, sizeExtension, data, dataEnd, trailerStart, trailerLine, done, broken }
    private var state = State.size
    private var remaining: Int64 = 0
    private var digits = 0

    var isDone: Bool { state == .done }
    /// A size line was none: the end of the message cannot be known.
    var isBroken: Bool { state == .broken }

    /// Consumes what belongs to the message; returns how many bytes that was.
    mutating func consume(_ bytes: Span<UInt8>) -> Int {
        var index = 0
        while index < bytes.count {
            switch state {
            case .size:
                let byte = bytes[index]
                if let digit = byte.hexValue {
                    guard digits < 15 else {
                        state = .broken
                        return index
                    }
                    remaining = remaining << 4 | Int64(digit)
                    digits += 1
                } else if digits == 0 {
                    state = .broken
                    return index
                } else if byte == 0x0a {
                    state = remaining == 0 ? .trailerStart : .data
                } else if byte == 0x0d || byte == 0x3b || byte == 0x20 || byte == 0x09 {
                    state = .sizeExtension
                } else {
                    state = .broken
                    return index
                }
                index += 1
            case .sizeExtension:
                if let lf = bytes.firstIndex(of: 0x0a, from: index) {
                    index = lf + 1
                    state = remaining == 0 ? .trailerStart : .data
                } else {
                    index = bytes.count
                }
            case .data:
                let step = min(Int64(bytes.count - index), remaining)
                index += Int(step)
                remaining -= step
                if remaining == 0 {
                    state = .dataEnd
                    digits = 0
                }
            case .dataEnd:
                if bytes[index] == 0x0a {
                    state = .size
                } else if bytes[index] != 0x0d {
                    state = .broken
                    return index
                }
                index += 1
            case .trailerStart:
                if bytes[index] == 0x0a {
                    state = .done
                    return index + 1
                }
                if bytes[index] != 0x0d { state = .trailerLine }
                index += 1
            case .trailerLine:
                if let lf = bytes.firstIndex(of: 0x0a, from: index) {
                    index = lf + 1
                    state = .trailerStart
                } else {
                    index = bytes.count
                }
            case .done, .broken: return index
            }
        }
        return index
    }

    /// Bytes that may be missing without losing the place: a hole inside one chunk.
    mutating func skip(_ count: Int64) -> Bool {
        guard state == .data, count < remaining else { return false }
        remaining -= count
        return true
    }
}
