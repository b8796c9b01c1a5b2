// Names and numbers of interfaces, and filters for packets of files.

import Testing
import Traffic

@testable import LiveCapture

@Suite struct InterfaceTests {
    private static func interface(_ name: String) -> NetworkInterface {
        NetworkInterface(
            name: name, description: "", addresses: [], isUp: true, isRunning: true, isLoopback: false,
            isWireless: false, isConnected: nil)
    }

    @Test(arguments: [
        ("eth0", "eth0"), ("1", "eth0"), ("2", "7"), ("7", "7"), ("3", "any"), ("0", nil), ("4", nil), ("eth", nil),
        ("", nil),
        ("-1", nil),
    ])
    func anInterfaceIsMeantByNameOrNumber(_ wanted: String, _ found: String?) {
        let list = ["eth0", "7", "any"].map(Self.interface)
        #expect(NetworkInterface.named(wanted, in: list) == found)
    }

    @Test func theLoopbackInterfaceIsListed() throws {
        let loopback = try #require(Pcap.interfaces.first { $0.isLoopback })
        #expect(loopback.name == "lo")
        #expect(loopback.state.contains("loopback"))
    }
}

@Suite struct CaptureFilterTests {
    /// IPv4, TCP from port 1234 to 80.
    private static let datagram: [UInt8] =
        [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2] + [0x04, 0xd2, 0, 80]
        + [UInt8](repeating: 0, count: 16)
    private static let ethernet: [UInt8] = [UInt8](repeating: 2, count: 12) + [8, 0] + datagram

    struct Row: CustomTestStringConvertible, Sendable {
        var filter: String
        var linkType: UInt32
        var bytes: [UInt8]
        var matches: Bool
        var testDescription: String { "\(filter) on link type \(linkType)" }
    }

    static let rows = [
        Row(filter: "tcp port 80", linkType: 1, bytes: ethernet, matches: true),
        Row(filter: "tcp port 81", linkType: 1, bytes: ethernet, matches: false),
        Row(filter: "tcp port 80", linkType: 101, bytes: datagram, matches: true),
        Row(
            filter: "host 10.0.0.2", linkType: 113, bytes: [UInt8](repeating: 0, count: 14) + [8, 0] + datagram,
            matches: true),
        Row(filter: "udp", linkType: 101, bytes: datagram, matches: false),
        Row(filter: "", linkType: 1, bytes: ethernet, matches: true),
        Row(filter: "tcp", linkType: 1, bytes: [], matches: false),
        // A filter that has no meaning for a link type lets nothing of it through.
        Row(filter: "ether host 02:02:02:02:02:02", linkType: 101, bytes: datagram, matches: false),
        Row(filter: "ether host 02:02:02:02:02:02", linkType: 1, bytes: ethernet, matches: true),
        // A longer packet than was captured.
        Row(filter: "greater 40", linkType: 101, bytes: Array(datagram.prefix(30)), matches: true),
    ]

    @Test(arguments: rows) func packetsOfFilesAreFiltered(_ row: Row) throws {
        let filter = try CaptureFilter(row.filter)
        let packet = CapturedPacket(
            number: 1, time: Timestamp(nanoseconds: 0), linkType: row.linkType, interface: 0,
            range: 0..<row.bytes.count, originalLength: row.bytes.isEmpty ? 0 : 60)
        #expect(filter.matches(packet, row.bytes.span) == row.matches)
        #expect(filter.matches(packet, row.bytes.span) == row.matches)
    }

    @Test(arguments: ["tcp port", "nonsense", "host 300.1.1.1", "(("]) func aFilterThatIsNoneIsSaidToBe(_ text: String)
    {
        #expect(throws: CaptureFailure.self) { try CaptureFilter(text) }
    }
}
