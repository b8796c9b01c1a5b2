// Credentials in a query (RULES SMG009), which proxies and logs keep.
//
// Every request of a busy capture is asked for them, so there are two ways: a parameter at a time, as they are shown, and eight
// bytes at a time, where only their kind matters. What the quick one is not sure of it leaves to the other.

import Traffic

enum QueryCredential {
    enum Kind: UInt8, Sendable { case none, session, other }

    /// The gravest credential in the query of a target: its name and value.
    static func find(in target: ArraySlice<UInt8>) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        var found: (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)?
        Redaction.forEachParameter(target) { key, value in
            let isNamed = value.count >= shortestValue && isName(key)
            guard isNamed || value.starts(with: "eyJ") && Redaction.looksLikeJWT(value) else { return }
            // The first, but one that is more than the number of a session comes before all.
            if found == nil || found?.key.matchesIgnoringCase("sid") == true { found = (key, value) }
        }
        return found
    }

    static func kind(in target: ArraySlice<UInt8>) -> Kind {
        guard let found = find(in: target) else { return .none }
        return found.key.matchesIgnoringCase("sid") ? .session : .other
    }

    /// The same, eight bytes at a time.
    static func kind(in target: Span<UInt8>) -> Kind {
        var kind = Kind.none
        var index = first(in: target, from: 0) { $0.equals(0x3f) } + 1
        while index < target.count {
            let start = index
            index = first(in: target, from: start) { isEnd($0) | $0.equals(0x3d) | $0.equals(0x25) }
            // What is encoded in a name takes a closer look.
            if index < target.count, target[index] == 0x25 { return self.kind(inCopyOf: target) }
            let name = Name(target.extracting(start..<index))
            let value = index + 1
            if index < target.count, target[index] == 0x3d { index = first(in: target, from: value, where: isEnd) }
            // So does what may be a token.
            if index - value >= 3, target.load24(value) == 0x65_794a { return self.kind(inCopyOf: target) }
            if index - value >= shortestValue, let name, names.contains(name) {
                guard name == session else { return .other }
                kind = .session
            }
            index += 1
        }
        return kind
    }

    private static func kind(inCopyOf target: Span<UInt8>) -> Kind {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(target.count)
        for index in target.indices { bytes.append(target[index]) }
        return kind(in: bytes[...])
    }

    /// Which bytes a parameter ends with.
    @inline(__always)
    private static func isEnd(_ word: ByteWord) -> UInt64 { word.equals(0x26) | word.equals(0x3b) | word.equals(0x23) }

    /// Index of the first byte from `start` on that is marked; the number of bytes where none is.
    @inline(__always)
    private static func first(in target: Span<UInt8>, from start: Int, where marks: (ByteWord) -> UInt64) -> Int {
        var index = start
        while index < target.count {
            let marked = marks(ByteWord(target, at: index))
            if marked != 0 { return min(index + marked.leadingZeroBitCount / 8, target.count) }
            index += 8
        }
        return target.count
    }

    /// A name in lower case, as two words.
    private struct Name: Equatable {
        private let first: UInt64
        private let second: UInt64

        /// `nil` for one that is none of ours: no name is as long, or ends with a zero byte, which is not told from the end.
        @inline(__always)
        init?(_ bytes: Span<UInt8>) {
            guard bytes.count > 0, bytes.count <= 16, bytes[bytes.count - 1] != 0 else { return nil }
            first = ByteWord(bytes, at: 0).lettersLowercased
            second = bytes.count > 8 ? ByteWord(bytes, at: 8).lettersLowercased : 0
        }
    }

    private static func isName(_ key: ArraySlice<UInt8>) -> Bool { Name(key.span).map { names.contains($0) } ?? false }

    private static var shortestValue: Int { 8 }
    private static let names = [
        "token", "access_token", "auth", "apikey", "api_key", "jwt", "password", "sid", "session",
    ].compactMap { Name(Array($0.utf8).span) }
    private static let session = Name(Array("sid".utf8).span)
}
