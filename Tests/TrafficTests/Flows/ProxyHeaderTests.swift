// The PROXY protocol in front of a request: bytes in, addresses out.

import TestSupport
import Testing

@testable import Traffic

@Suite struct ProxyHeaderTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var bytes: [UInt8]
        /// "client server", "-" for a header without addresses, `nil` for none.
        var addresses: String?
        var testDescription: String { name }

        init(_ name: String, _ text: String, _ addresses: String?) {
            self.init(name, Array(text.utf8), addresses)
        }

        init(_ name: String, _ bytes: [UInt8], _ addresses: String?) {
            self.name = name
            self.bytes = bytes
            self.addresses = addresses
        }
    }

    static let signature = hex("0d0a0d0a000d0a515549540a")
    static let ends4 = hex("c0000201 c6336401 d431 0050")
    static let ends6 =
        hex("20010db8000000000000000000000001 20010db8000000000000000000000002 d431 01bb")

    static let rows: [Row] = [
        Row("v1", "PROXY TCP4 192.0.2.1 198.51.100.1 54321 80\r\n", "192.0.2.1:54321 198.51.100.1:80"),
        Row("v1 IPv6", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.7 1 65535\r\n", "[2001:db8::1]:1 192.0.2.7:65535"),
        Row("v1 IPv6 in full", "PROXY TCP6 1:2:3:4:5:6:7:8 ::1 1 2\r\n", "[1:2:3:4:5:6:7:8]:1 [::1]:2"),
        Row("v1 of no known protocol", "PROXY UNKNOWN ffff:f...f:ffff 65535 65535\r\n", "-"),
        Row("v1 of no known protocol, short", "PROXY UNKNOWN\r\n", "-"),
        Row("v1 port too large", "PROXY TCP4 192.0.2.1 198.51.100.1 65536 80\r\n", nil),
        Row("v1 port with zero in front", "PROXY TCP4 192.0.2.1 198.51.100.1 080 80\r\n", nil),
        Row("v1 address too large", "PROXY TCP4 192.0.2.256 198.51.100.1 1 80\r\n", nil),
        Row("v1 a word short", "PROXY TCP4 192.0.2.1 198.51.100.1 54321\r\n", nil),
        Row("v1 IPv6 with two gaps", "PROXY TCP6 1::2::3 ::1 1 2\r\n", nil),
        Row("v1 IPv6 with nine groups", "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", nil),
        Row("v1 without CR", "PROXY TCP4 192.0.2.1 198.51.100.1 54321 80\nGET", nil),
        Row("v1 without end", "PROXY TCP4 " + String(repeating: "1", count: 200), nil),
        Row("a request", "POST / HTTP/1.1\r\n", nil),
        Row("v2", signature + hex("21 11 000c") + ends4, "192.0.2.1:54321 198.51.100.1:80"),
        Row(
            "v2 with records", signature + hex("21 11 0010") + ends4 + hex("04000100"),
            "192.0.2.1:54321 198.51.100.1:80"),
        Row("v2 IPv6", signature + hex("21 21 0024") + ends6, "[2001:db8::1]:54321 [2001:db8::2]:443"),
        Row("v2 of its own", signature + hex("20 00 0000"), "-"),
        Row("v2 of its own with addresses", signature + hex("20 11 000c") + ends4, "-"),
        Row("v2 of a path", signature + hex("21 31 00d8") + [UInt8](repeating: 0, count: 216), "-"),
        Row("v2 too short for its addresses", signature + hex("21 11 000b") + ends4, nil),
        Row("v2 of version 1", signature + hex("11 11 000c") + ends4, nil),
        Row("v2 with an unknown command", signature + hex("22 11 000c") + ends4, nil),
        Row("v2 with an unknown family", signature + hex("21 41 000c") + ends4, nil),
    ]

    @Test(arguments: rows) func headers(_ row: Row) {
        guard case .found(let header) = ProxyHeader.read(row.bytes.span) else {
            #expect(row.addresses == nil)
            return
        }
        #expect((header.addresses.map { "\($0.client) \($0.server)" } ?? "-") == row.addresses)
        #expect(header.length + header.rest == row.bytes.count)
    }

    /// What is a header is one however it is split, and no beginning of it is anything else.
    @Test(arguments: rows) func beginnings(_ row: Row) {
        let whole = ProxyHeader.read(row.bytes.span)
        for count in 1..<row.bytes.count {
            let result = ProxyHeader.read(Array(row.bytes[..<count]).span)
            if row.addresses != nil { #expect(result == .incomplete || result == whole, "\(count) bytes") }
        }
    }

    @Test(arguments: rows) func aSessionBehindTheHeaderSplitAtEveryByte(_ row: Row) {
        let stream = row.bytes + Array(webSocketRequest.utf8)
        for split in stride(from: 1, through: row.bytes.count + 1, by: 1) {
            var talk = Talk()
            talk.open()
            talk.client(Array(stream[..<split]))
            talk.client(Array(stream[split...]))
            talk.server(webSocketAnswer)
            talk.close()
            let exchanges = talk.told().told.exchanges
            guard let addresses = row.addresses else {
                #expect(exchanges.allSatisfy { $0.connection.proxied == nil }, "split at \(split)")
                // The answer may be seen to answer nothing; a method may have the name PROXY.
                let isRequest = row.name == "a request" || row.name == "v1 without end"
                #expect(isRequest || exchanges.allSatisfy { $0.request == nil }, "split at \(split)")
                continue
            }
            #expect(exchanges.count == 1, "split at \(split)")
            guard let exchange = exchanges.first else { continue }
            #expect(exchange.outcome == .switched)
            #expect(exchange.request?.place.offset == Int64(row.bytes.count))
            let proxied = exchange.connection.proxied.map { "\($0.client) \($0.server)" } ?? "-"
            #expect(proxied == addresses, "split at \(split)")
            #expect(exchange.connection.client.description == "10.0.0.1:40000")
        }
    }

    @Test func byteByByte() {
        for row in Self.rows where row.addresses != nil {
            var talk = Talk()
            talk.open()
            for byte in row.bytes + Array(webSocketRequest.utf8) { talk.client([byte]) }
            talk.server(webSocketAnswer)
            let exchanges = talk.told().told.exchanges
            #expect(exchanges.count == 1, "\(row.name)")
            #expect((exchanges.first?.connection.proxied == nil) == (row.addresses == "-"), "\(row.name)")
        }
    }

    /// Records as long as the length field allows: skipped, not kept.
    @Test func recordsOf64KiB() {
        let records = [UInt8](repeating: 0x50, count: 65_535 - 12)
        var talk = Talk()
        talk.open()
        talk.client(Self.signature + hex("21 11 ffff") + Self.ends4)
        for start in stride(from: 0, to: records.count, by: 1460) {
            talk.client(Array(records[start..<min(start + 1460, records.count)]))
        }
        talk.client(webSocketRequest)
        talk.server(webSocketAnswer)
        let exchanges = talk.told().told.exchanges
        #expect(exchanges.map { $0.outcome } == [.switched])
        #expect(exchanges.first?.connection.proxied?.client.port == 54321)
    }

    @Test func aCaptureThatStartsAtTheHeader() {
        var talk = Talk()
        talk.client("PROXY TCP4 192.0.2.1 198.51.100.1 54321 80\r\n" + webSocketRequest)
        talk.server(webSocketAnswer)
        #expect(talk.told().told.exchanges.first?.connection.proxied?.client.port == 54321)
    }

    @Test func onlyTheFirstBytesAreAHeader() {
        var talk = Talk()
        talk.open()
        talk.client(webSocketRequest)
        talk.server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        talk.client("PROXY TCP4 192.0.2.1 198.51.100.1 54321 80\r\n" + webSocketRequest)
        talk.server(webSocketAnswer)
        #expect(talk.told().told.exchanges.allSatisfy { $0.connection.proxied == nil })
    }
}
