// Digits: of fixed width on their way out, and as values on their way in.

/// Numbers as digits.
public enum Digits {
    /// At least so many decimal digits: "07".
    @inlinable
    public static func decimal(_ number: some BinaryInteger, _ width: Int) -> String {
        guard let magnitude = UInt64(exactly: number) else { return padded(String(number), width) }
        var digits: [UInt8] = []
        digits.append(decimal: magnitude, width: width)
        return String(decoding: digits, as: UTF8.self)
    }

    /// At least so many hexadecimal digits, in lower case: "0a".
    @inlinable
    public static func hex(_ number: some BinaryInteger, _ width: Int) -> String {
        guard let magnitude = UInt64(exactly: number) else { return padded(String(number, radix: 16), width) }
        var digits: [UInt8] = []
        digits.append(hex: magnitude, width: width)
        return String(decoding: digits, as: UTF8.self)
    }

    /// Two hexadecimal digits.
    @inlinable
    public static func hex(_ byte: UInt8) -> String {
        String(decoding: [hexDigit(byte >> 4), hexDigit(byte & 15)], as: UTF8.self)
    }

    /// Bytes one after another: "0a 1b".
    public static func hex(_ bytes: some Sequence<UInt8>, separator: String = " ") -> String {
        bytes.map { hex($0) }.joined(separator: separator)
    }

    /// The digit of a value below 16.
    @inlinable
    public static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? value + 0x30 : value + 0x57 }

    @usableFromInline
    static func padded(_ digits: String, _ width: Int) -> String {
        String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension [UInt8] {
    /// Appends a number as decimal digits, at least so many.
    @inlinable
    public mutating func append(decimal number: UInt64, width: Int = 1) {
        var digits = [20 of UInt8](repeating: 0x30)
        var start = 20
        var rest = number
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(digits.span.extracting(Swift.max(0, Swift.min(start, 20 - width))..<20))
    }

    /// Appends a number as hexadecimal digits in lower case, at least so many.
    @inlinable
    public mutating func append(hex number: UInt64, width: Int = 1) {
        var digits = [16 of UInt8](repeating: 0x30)
        var start = 16
        var rest = number
        repeat {
            start -= 1
            digits[start] = Digits.hexDigit(UInt8(truncatingIfNeeded: rest & 15))
            rest >>= 4
        } while rest > 0
        append(digits.span.extracting(Swift.max(0, Swift.min(start, 16 - width))..<16))
    }
}

extension UInt8 {
    /// "0" to "9".
    @inlinable public var isDigit: Bool { self &- 0x30 < 10 }

    /// What a hexadecimal digit stands for, in either case.
    @inlinable public var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// The number that these decimal digits are; `nil` when there are more or fewer than allowed, or something else.
    @inlinable
    public func decimal(digits: ClosedRange<Int>) -> Int? {
        guard digits.contains(count) else { return nil }
        var value = 0
        for byte in self {
            guard byte.isDigit else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }
}
