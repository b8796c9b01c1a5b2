// Ticks of a capture's clock as nanoseconds since 1970.
//
// pcap counts microseconds or nanoseconds. A pcapng interface may count in any power of ten or of two
// (if_tsresol) and from any second (if_tsoffset). Both come from the wire: no value may overflow, so what lies
// outside the years an Int64 of nanoseconds can tell (1677 to 2262) becomes its nearest end.

/// How an interface's clock counts.
struct TimeResolution {
    /// Ticks in a second, `.max` when there are more than fit.
    let unitsPerSecond: UInt64
    private let scale: Scale
    private let power: Int
    private let isPowerOfTwo: Bool

    private enum Scale {
        /// A tick is a whole number of nanoseconds.
        case multiply(UInt64)
        /// A nanosecond is a whole number of ticks.
        case divide(UInt64)
        /// 2 to this power ticks are a second.
        case shift(UInt64)
        /// Too fine for any count of ticks to reach a nanosecond.
        case vanishing
    }

    static let microseconds = TimeResolution(powerOfTen: 6)
    static let nanoseconds = TimeResolution(powerOfTen: 9)

    /// From the byte of if_tsresol: its highest bit says that it counts powers of two.
    init(tsresol byte: UInt8) {
        if byte & 0x80 == 0 {
            self.init(powerOfTen: Int(byte))
        } else {
            self.init(powerOfTwo: Int(byte & 0x7f))
        }
    }

    private init(powerOfTen power: Int) {
        unitsPerSecond = Self.powerOfTen(power) ?? .max
        self.power = power
        isPowerOfTwo = false
        if power <= 9, let factor = Self.powerOfTen(9 - power) {
            scale = .multiply(factor)
        } else if let divisor = Self.powerOfTen(power - 9) {
            scale = .divide(divisor)
        } else {
            scale = .vanishing
        }
    }

    private init(powerOfTwo power: Int) {
        unitsPerSecond = power < 64 ? 1 << UInt64(power) : .max
        self.power = power
        isPowerOfTwo = true
        scale = power == 0 ? .multiply(1_000_000_000) : .shift(UInt64(power))
    }

    /// "us", "2^-20 s": the word for reports.
    var name: String {
        switch power {
        case 0: "s"
        case _ where isPowerOfTwo: "2^-\(power) s"
        case 3: "ms"
        case 6: "us"
        case 9: "ns"
        default: "10^-\(power) s"
        }
    }

    /// `ticks` as nanoseconds, `offset` nanoseconds added.
    @inline(__always)
    func nanoseconds(_ ticks: UInt64, offset: Int64) -> Int64 {
        let value: Int64
        if case .multiply(let factor) = scale {
            let (product, overflow) = ticks.multipliedReportingOverflow(by: factor)
            value = overflow ? .max : Int64(clamping: product)
        } else {
            value = scaledDown(ticks)
        }
        let (sum, overflow) = value.addingReportingOverflow(offset)
        return overflow ? (offset < 0 ? .min : .max) : sum
    }

    private func scaledDown(_ ticks: UInt64) -> Int64 {
        switch scale {
        case .multiply(let factor): return Int64(clamping: ticks.multipliedReportingOverflow(by: factor).partialValue)
        case .divide(let divisor): return Int64(clamping: ticks / divisor)
        case .vanishing: return 0
        case .shift(let power):
            let product = ticks.multipliedFullWidth(by: 1_000_000_000)
            if power >= 64 { return Int64(clamping: product.high >> (power - 64)) }
            guard product.high >> power == 0 else { return .max }
            return Int64(clamping: product.high << (64 - power) | product.low >> power)
        }
    }

    private static func powerOfTen(_ power: Int) -> UInt64? {
        guard power >= 0, power <= 19 else { return nil }
        return (0..<power).reduce(UInt64(1)) { value, _ in value * 10 }
    }
}
