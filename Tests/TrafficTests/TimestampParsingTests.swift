// Moments read from text.

import Testing
import Traffic

@Suite struct TimestampParsingTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31t23:59:59.5z", -500_000_000),
            ("2026-02-28 23:59:60.123456789999Z", 1_772_323_200_123_456_789),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
            ("2023-02-29T00:00:00Z", nil), ("2026-1-01T00:00:00Z", nil), ("2026-01-01T00:00:00", nil), ("", nil),
            ("2026-01-01T00:00:00.Z", nil), ("2026-01-01T00:00:00Zx", nil), ("9999-01-01T00:00:00Z", nil),
            ("2026-01-01T24:00:00Z", nil), ("２０２６-01-01T00:00:00Z", nil),
        ] as [(String, Int64?)])
    func isRead(text: String, nanoseconds: Int64?) {
        #expect(Timestamp(rfc3339: text)?.nanoseconds == nanoseconds)
    }
}
