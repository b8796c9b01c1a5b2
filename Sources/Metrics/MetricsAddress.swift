/// Where to listen: `9090`, `127.0.0.1:9090`, `[::1]:9090`, `0.0.0.0:9090`; on loopback where no host is given.
public struct MetricsAddress: Sendable, Equatable, CustomStringConvertible {
    public let host: String
    public let port: Int

    /// `nil` for what is no address; port 0 lets the system choose.
    public init?(_ text: String) {
        var host = ""
        var digits = text[...]
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = String(text[text.index(after: text.startIndex)..<end])
            digits = text[text.index(after: end)...]
            guard host.contains(":"), digits.first == ":" else { return nil }
            digits = digits.dropFirst()
        } else if let colon = text.lastIndex(of: ":") {
            host = String(text[..<colon])
            digits = text[text.index(after: colon)...]
            // An IPv6 address without brackets leaves open where the port begins.
            guard !host.contains(":") else { return nil }
        }
        guard !digits.isEmpty, digits.count <= 5, digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let port = Int(digits), port <= 65535,
            host.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 0x20 && $0.value < 0x7f })
        else { return nil }
        self.host = host.isEmpty ? "127.0.0.1" : host
        self.port = port
    }

    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
