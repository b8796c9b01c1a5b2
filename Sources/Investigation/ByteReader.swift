// Reads what `ByteWriter` wrote. Every read is checked: a record that comes back from a file may be cut.

/// A record is not what was written.
struct DecodingFailure: Error, CustomStringConvertible {
    var description: String { "a record of the temporary file is damaged" }
}

/// Takes values from the compact form.
struct ByteReader {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = min(max(position, 0), bytes.count)
        self.end = bytes.count
    }

    var isAtEnd: Bool { position == end }

    mutating func byte() throws(DecodingFailure) -> UInt8 {
        guard position < end else { throw DecodingFailure() }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func flag() throws(DecodingFailure) -> Bool {
        let value = try byte()
        guard value < 2 else { throw DecodingFailure() }
        return value == 1
    }

    mutating func unsigned() throws(DecodingFailure) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            guard shift < 63 || (shift == 63 && next < 2) else { throw DecodingFailure() }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    mutating func signed() throws(DecodingFailure) -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// A count of things that take at least one byte each.
    mutating func count() throws(DecodingFailure) -> Int {
        let value = try unsigned()
        guard value <= UInt64(end - position) else { throw DecodingFailure() }
        return Int(value)
    }

    mutating func counted() throws(DecodingFailure) -> [UInt8] {
        let count = try count()
        defer { position += count }
        return Array(bytes[position..<(position + count)])
    }

    mutating func text() throws(DecodingFailure) -> String {
        let count = try count()
        defer { position += count }
        return String(decoding: bytes[position..<(position + count)], as: UTF8.self)
    }

    mutating func skip(_ count: Int) throws(DecodingFailure) {
        guard count >= 0, count <= end - position else { throw DecodingFailure() }
        position += count
    }
}
