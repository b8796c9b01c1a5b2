// Numbers in few columns.

enum Quantity {
    /// At most four columns: "999", "1.2k", "12k", "340M".
    static func short(_ number: some BinaryInteger) -> String {
        guard number >= 1000 else { return String(max(0, number)) }
        var value = UInt64(clamping: number)
        for unit in ["k", "M", "G", "T", "P", "E"] {
            if value < 10_000 { return "\(value / 1000).\(value / 100 % 10)\(unit)" }
            if value < 1_000_000 { return "\(value / 1000)\(unit)" }
            value /= 1000
        }
        return "lots"
    }
}
