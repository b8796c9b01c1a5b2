// Numbers and durations as words and digits.

import Ground
import Testing

@Suite struct NumberTests {
    @Test(arguments: [
        (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-1, "-1"), (-123, "-123"),
        (-1234, "-1,234"), (Int.min, "-9,223,372,036,854,775,808"),
    ])
    func groups(number: Int, text: String) { #expect(grouped(number) == text) }

    @Test func counts() {
        #expect(counted(1, "error") == "1 error")
        #expect(counted(0, "error") == "0 errors")
        #expect(counted(1200, "more byte") == "1,200 more bytes")
        #expect(counted(1200, "byte", isGrouped: false) == "1200 bytes")
        #expect(counted(2, "match", "matches") == "2 matches")
    }

    @Test(arguments: [
        (Int64(0), "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (10_239, "9.9 KiB"), (10_240, "10 KiB"),
        (5 << 20, "5.0 MiB"), (3 << 40, "3072 GiB"),
    ])
    func sizes(bytes: Int64, text: String) { #expect(sizeText(bytes) == text) }

    @Test func digits() {
        #expect(Digits.decimal(7, 2) == "07" && Digits.decimal(123, 2) == "123")
        #expect(Digits.hex(10, 4) == "000a" && Digits.hex(0x12345, 4) == "12345")
        #expect((0...255).allSatisfy { Digits.hex(UInt8($0)) == Digits.hex($0, 2) })
        #expect(Digits.hex([0x0a, 0xff] as [UInt8]) == "0a ff")
        for byte in UInt8.min ... .max {
            let character = Character(Unicode.Scalar(byte))
            #expect(byte.hexValue.map { Int($0) } == (byte < 128 ? character.hexDigitValue : nil))
            #expect(byte.isDigit == ("0"..."9" ~= character))
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("00", 0), ("999", 999), ("", nil), ("1000", nil), ("1a", nil), ("-1", nil),
        ] as [(String, Int?)])
    func numbersOfUpToThreeDigits(text: String, number: Int?) {
        #expect(Array(text.utf8)[...].decimal(digits: 1...3) == number)
    }

    @Test(arguments: [(Int64(1_500_000), "1.5"), (0, "0"), (125, "0.000125"), (-2_000_000, "-2")] as [(Int64, String)])
    func exactMilliseconds(nanoseconds: Int64, text: String) {
        #expect(DurationText.milliseconds(nanoseconds) == text)
    }

    @Test(
        arguments: [
            (Int64(0), "0s"), (59, "59s"), (60, "1m00s"), (599, "9m59s"), (600, "10m"), (3600, "1h00m"),
            (86_400, "24h"),
            (172_800, "2d"), (.max / 1_000_000_000, "9999d"),
        ] as [(Int64, String)])
    func ages(seconds: Int64, text: String) { #expect(DurationText.age(nanoseconds: seconds * 1_000_000_000) == text) }

    @Test(arguments: [
        (Int64(120_000), "120 µs", "0 ms", "0ms"), (1_540_000, "1.5 ms", "1 ms", "1ms"),
        (140_000_000, "140 ms", "140 ms", "140ms"), (12_340_000_000, "12.3 s", "12.3 s", "12s"),
    ])
    func oneDurationInThreePlaces(nanoseconds: Int64, short: String, plain: String, age: String) {
        #expect(DurationText.short(nanoseconds) == short)
        #expect(DurationText.plain(nanoseconds) == plain)
        #expect(DurationText.age(nanoseconds: nanoseconds, isExact: true) == age)
    }

    @Test func clocks() {
        #expect(DurationText.clock(nanoseconds: 134_000_000_000) == "00:02:14")
        #expect(DurationText.clock(nanoseconds: 273_600_000_000_000) == "3d 04:00:00")
        #expect([42, 180, 7200].map { DurationText.estimate(seconds: $0) } == ["42 s", "3 min", "2 h"])
    }
}
