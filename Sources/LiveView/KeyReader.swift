// Bytes from a keyboard as keys (ECMA-48, xterm). What a terminal sends for one key may come in pieces, and Escape
// alone is the beginning of most others: it is one only when nothing follows for a while, which `flush` says.

/// A key that was pressed.
public enum Key: Sendable, Equatable {
    case character(Character)
    case enter, escape, backspace, tab
    case up, down, left, right, pageUp, pageDown, home, end
    /// Control and a letter.
    case control(Character)
}

/// Takes bytes, gives keys.
public struct KeyReader: Sendable {
    private var pending: [UInt8] = []
    /// No key sends more.
    private static let longest = 32

    public init() {}

    /// Something came that may be the beginning of a key.
    public var isWaiting: Bool { !pending.isEmpty }

    /// The keys that are complete with `bytes`.
    public mutating func read(_ bytes: some Sequence<UInt8>) -> [Key] {
        pending.append(contentsOf: bytes)
        return take(isLast: false)
    }

    /// Nothing followed: what waits is all there is.
    public mutating func flush() -> [Key] { take(isLast: true) }

    private mutating func take(isLast: Bool) -> [Key] {
        var keys: [Key] = []
        var rest = pending[...]
        while let first = rest.first {
            guard let (key, length) = Self.key(rest, first: first, isLast: isLast) else { break }
            if let key { keys.append(key) }
            rest = rest.dropFirst(length)
        }
        pending = Array(rest)
        return keys
    }

    /// The key at the start and its bytes; no key for a sequence nobody knows; `nil` where more must come.
    private static func key(_ bytes: ArraySlice<UInt8>, first: UInt8, isLast: Bool) -> (Key?, Int)? {
        switch first {
        case 0x1b: return escaped(bytes, isLast: isLast)
        case 0x0d, 0x0a: return (.enter, 1)
        case 0x09: return (.tab, 1)
        case 0x08, 0x7f: return (.backspace, 1)
        case 0x01...0x1a: return (.control(Character(Unicode.Scalar(first + 0x60))), 1)
        case 0x20..<0x7f: return (.character(Character(Unicode.Scalar(first))), 1)
        case 0xc2...0xf4:
            let length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
            guard bytes.count >= length else { return isLast ? (nil, bytes.count) : nil }
            let text = String(decoding: bytes.prefix(length), as: UTF8.self)
            guard text.unicodeScalars.count == 1, let scalar = text.unicodeScalars.first, scalar != "\u{fffd}" else {
                return (nil, 1)
            }
            return (.character(Character(scalar)), length)
        default: return (nil, 1)
        }
    }

    /// ESC [ … and ESC O …; a second ESC ends the first.
    private static func escaped(_ bytes: ArraySlice<UInt8>, isLast: Bool) -> (Key?, Int)? {
        let start = bytes.startIndex
        guard bytes.count > 1 else { return isLast ? (.escape, 1) : nil }
        guard bytes[start + 1] == UInt8(ascii: "[") || bytes[start + 1] == UInt8(ascii: "O") else {
            return (.escape, 1)
        }
        var index = start + 2
        while index < bytes.endIndex, (0x20..<0x40).contains(bytes[index]) { index += 1 }
        guard index < bytes.endIndex else {
            if bytes.count > longest { return (nil, bytes.count) }
            return isLast ? (.escape, 1) : nil
        }
        let parameters = String(decoding: bytes[(start + 2)..<index], as: UTF8.self)
        return (named(bytes[index], parameters), index - start + 1)
    }

    private static func named(_ final: UInt8, _ parameters: String) -> Key? {
        switch final {
        case UInt8(ascii: "A"): return .up
        case UInt8(ascii: "B"): return .down
        case UInt8(ascii: "C"): return .right
        case UInt8(ascii: "D"): return .left
        case UInt8(ascii: "H"): return .home
        case UInt8(ascii: "F"): return .end
        case UInt8(ascii: "M"): return .enter
        case UInt8(ascii: "~"):
            return switch parameters.prefix(while: { $0 != ";" }) {
            case "1", "7": .home
            case "4", "8": .end
            case "5": .pageUp
            case "6": .pageDown
            default: nil
            }
        default: return nil
        }
    }
}
