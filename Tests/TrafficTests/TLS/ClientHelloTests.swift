// A ClientHello made of its parts, whole, cut and wrong.

import TestSupport
import Testing

@testable import Traffic

@Suite struct ClientHelloTests {
    static func vector(_ bytes: [UInt8], lengthBytes: Int) -> [UInt8] {
        (0..<lengthBytes).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> ($0 * 8)) } + bytes
    }

    static func hello(_ extensions: [(Int, [UInt8])], session: Int = 32) -> [UInt8] {
        let all = extensions.flatMap { be16($0.0) + vector($0.1, lengthBytes: 2) }
        let body =
            [3, 3] + [UInt8](repeating: 7, count: 32) + vector([UInt8](repeating: 1, count: session), lengthBytes: 1)
            + vector([0x13, 0x01, 0x13, 0x02], lengthBytes: 2) + vector([0], lengthBytes: 1)
            + vector(all, lengthBytes: 2)
        let handshake = [1] + vector(body, lengthBytes: 3)
        return [0x16, 3, 1] + vector(handshake, lengthBytes: 2)
    }

    static func serverName(_ name: String) -> (Int, [UInt8]) {
        (0, vector([0] + vector(Array(name.utf8), lengthBytes: 2), lengthBytes: 2))
    }

    static func protocols(_ names: [String]) -> (Int, [UInt8]) {
        (16, vector(names.flatMap { vector(Array($0.utf8), lengthBytes: 1) }, lengthBytes: 2))
    }

    static func read(_ bytes: [UInt8]) -> ClientHello? { ClientHello(bytes.span) }

    @Test(arguments: [0, 32]) func nameAndProtocolsAreRead(session: Int) throws {
        let bytes = Self.hello(
            [
                (10, [0, 2, 0, 29]), Self.serverName("www.example.com"), Self.protocols(["h2", "http/1.1"]),
                (43, [2, 3, 4]),
            ],
            session: session)
        let hello = try #require(Self.read(bytes))
        #expect(hello.serverName == "www.example.com")
        #expect(hello.protocols == ["h2", "http/1.1"])
    }

    @Test func withoutExtensionsThereIsNothing() throws {
        let hello = try #require(Self.read(Self.hello([])))
        #expect(hello.serverName == nil)
        #expect(hello.protocols.isEmpty)
    }

    @Test func aCutOneGivesWhatWasRead() {
        let bytes = Self.hello([Self.serverName("a.example"), Self.protocols(["h2"])])
        var names = 0
        for count in 0...bytes.count {
            guard let hello = ClientHello(bytes.span.extracting(0..<count)) else { continue }
            if let name = hello.serverName {
                #expect(name == "a.example")
                names += 1
            }
            #expect(hello.protocols == (count == bytes.count ? ["h2"] : []), "\(count) of \(bytes.count)")
        }
        #expect(names > 5)
    }

    @Test func othersAreNone() {
        let good = Self.hello([Self.serverName("a")])
        for (index, value) in [(0, UInt8(0x17)), (1, 2), (5, 2)] {
            var bytes = good
            bytes[index] = value
            #expect(Self.read(bytes) == nil)
        }
        #expect(Self.read([]) == nil)
        #expect(Self.read(Array("GET / HTTP/1.1\r\n\r\n".utf8)) == nil)
    }

    @Test func lengthsThatLieStayInside() throws {
        let good = Self.hello([Self.serverName("a.example"), Self.protocols(["h2"])])
        for index in good.indices.dropFirst(6) {
            var bytes = good
            bytes[index] = 0xff
            #expect(Invariants.clientHello(bytes) == nil)
        }
    }

    @Test func protocolsAreBounded() throws {
        let bytes = Self.hello([Self.protocols([String](repeating: "x", count: 100))])
        #expect(try #require(Self.read(bytes)).protocols.count == 16)
    }
}
