// Digits: of fixed width on their way out, and as values on their way in.

/// Numbers as digits.
public enum Digits {
    /// At least so many decimal digits: "07".
    public static func decimal(_ number: some BinaryInteger, _ width: Int) -> String {
        padded(String(number), width)
    }

    /// At least so many hexadecimal digits, in lower case: "0a".
    public static func hex(_ number: some BinaryInteger, _ width: Int) -> String {
        padded(String(number, radix: 16), width)
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

    private static func padded(_ digits: String, _ width: Int) -> String {
        String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
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
