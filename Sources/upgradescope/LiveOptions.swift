// The values that the options of `live` take.

import ArgumentParser
import LiveCapture

/// `-a`: when a capture ends by itself.
struct StopCondition: ExpressibleByArgument {
    enum Kind: String, CaseIterable { case duration, filesize, packets, exchanges }
    var kind: Kind
    /// Seconds, KiB, or how many.
    var value: UInt64

    init(_ kind: Kind, _ value: UInt64) { (self.kind, self.value) = (kind, value) }

    init?(argument: String) {
        guard let (name, value) = setting(argument), let kind = Kind(rawValue: name) else { return nil }
        self.init(kind, value)
    }
}

/// `-b`: when a recording goes on in another file.
struct RingSetting: ExpressibleByArgument {
    enum Kind: String, CaseIterable { case duration, filesize, packets, files }
    var kind: Kind
    var value: UInt64

    init?(argument: String) {
        guard let (name, value) = setting(argument), let kind = Kind(rawValue: name) else { return nil }
        (self.kind, self.value) = (kind, value)
    }
}

/// `name:number`.
private func setting(_ argument: String) -> (String, UInt64)? {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].allSatisfy(\.isASCIIDigit), let value = UInt64(parts[1]), value > 0,
        value <= UInt64(Int64.max) >> 20
    else { return nil }
    return (String(parts[0]), value)
}

/// `--time-stamp-precision`.
enum PrecisionChoice: String, CaseIterable, ExpressibleByArgument { case micro, nano }

extension RingLimits {
    init(_ settings: [RingSetting]) {
        self.init()
        for setting in settings {
            switch setting.kind {
            case .duration: seconds = Int64(setting.value)
            case .filesize: bytes = Int64(setting.value) << 10
            case .packets: packets = setting.value
            case .files: files = Int(setting.value)
            }
        }
    }
}
