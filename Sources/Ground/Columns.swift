// Text in columns of characters, for text that takes a column a character. What may not (captured text, CJK, marks) is
// measured by those who draw it.

extension String {
    /// With spaces after it, that many characters wide.
    public func leftAligned(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// With spaces before it, that many characters wide.
    public func rightAligned(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
