// Comparing and showing bytes as ASCII text, without making a String for it.

extension ArraySlice<UInt8> {
    /// Without the white space at both ends (OWS of RFC 9110 5.6.3; CR and LF of an obs-fold count as such).
    @inlinable
    public func trimmingWhitespace() -> ArraySlice<UInt8> {
        var start = startIndex
        var end = endIndex
        while start < end, self[start].isWhitespace { start += 1 }
        while end > start, self[end - 1].isWhitespace { end -= 1 }
        return self[start..<end]
    }

    /// Without white space at both ends, the line end of a folded line included (RFC 9112 5.2).
    @inlinable
    public func trimmingFold() -> ArraySlice<UInt8> {
        var text = trimmingWhitespace()
        while let byte = text.first, byte == 0x0d || byte == 0x0a { text = text.dropFirst().trimmingWhitespace() }
        while let byte = text.last, byte == 0x0d || byte == 0x0a { text = text.dropLast().trimmingWhitespace() }
        return text
    }

    /// Whether these are exactly the bytes of `text`.
    @inlinable
    public func matches(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { other in
            var index = startIndex
            for position in 0..<count {
                guard unsafe other[position] == self[index] else { return false }
                index += 1
            }
            return true
        }
    }

    /// Whether these are the bytes of `text`, ASCII case aside.
    ///
    /// Most candidates differ in length, which is seen without a call.
    @inlinable @inline(__always)
    public func matchesIgnoringCase(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && hasLetters(of: text)
    }

    @inlinable
    func hasLetters(of text: StaticString) -> Bool {
        text.withUTF8Buffer { other in
            var index = startIndex
            for position in 0..<count {
                guard unsafe other[position].asciiLowercased == self[index].asciiLowercased else { return false }
                index += 1
            }
            return true
        }
    }

    /// Whether these bytes are the same as `other`, ASCII case aside.
    @inlinable
    public func matchesIgnoringCase(_ other: ArraySlice<UInt8>) -> Bool {
        guard count == other.count else { return false }
        var index = startIndex
        var otherIndex = other.startIndex
        while index < endIndex {
            guard self[index].asciiLowercased == other[otherIndex].asciiLowercased else { return false }
            index += 1
            otherIndex += 1
        }
        return true
    }

    /// Whether these bytes begin with those of `text`.
    @inlinable
    public func starts(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && self[startIndex..<(startIndex + text.utf8CodeUnitCount)].matches(text)
    }

    /// Index of the first `byte` at or after `start`; `nil` when there is none.
    @inlinable
    public func index(of byte: UInt8, from start: Int) -> Int? {
        span.firstIndex(of: byte, from: start - startIndex).map { $0 + startIndex }
    }

    /// The bytes as text; what is not UTF-8 becomes U+FFFD.
    @inlinable public var text: String { String(decoding: self, as: UTF8.self) }
}

extension UInt8 {
    /// SP, HTAB, CR or LF.
    @inlinable public var isWhitespace: Bool { self == 0x20 || self == 0x09 || self == 0x0d || self == 0x0a }

    /// A to Z as a to z, all else as it is.
    @inlinable public var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// `tchar` of RFC 9110 5.6.2: the bytes a token is made of.
    @inlinable public var isTokenByte: Bool {
        self < 128 ? (self < 64 ? Self.tokenLow >> UInt64(self) : Self.tokenHigh >> UInt64(self - 64)) & 1 == 1 : false
    }

    // One bit for each byte of "!#$%&'*+-.^_`|~", the digits and the letters.
    @inlinable static var tokenLow: UInt64 { 0x03ff6cfa00000000 }
    @inlinable static var tokenHigh: UInt64 { 0x57ffffffc7fffffe }
}

extension String {
    /// A to Z as a to z, all else as it is: what `lowercased()` does to letters outside ASCII would change what a name is.
    public var lowercasedASCII: String { String(decoding: utf8.map(\.asciiLowercased), as: UTF8.self) }
}
