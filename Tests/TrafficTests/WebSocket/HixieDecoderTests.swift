// Frames of the hixie drafts, wherever the bytes are cut.

import Testing

@testable import Traffic

@Suite struct HixieDecoderTests {
    static func session(_ pieces: [[UInt8]], _ direction: Direction, draft: WebSocketDraft) -> WebSocketSide? {
        let endpoint = Endpoint(address: IPAddress(v4: 0), port: 0)
        var exchange = Exchange(
            kind: .upgrade,
            connection: ConnectionFacts(id: 0, client: endpoint, server: endpoint, first: Invariants.mark),
            first: Invariants.mark)
        let facts = WebSocketFacts()
        facts.draft = draft
        exchange.websocket = facts
        let decoder = HixieDecoder(exchange.websocket ?? WebSocketFacts())
        var offset: Int64 = 0
        for piece in pieces {
            decoder.receive(Chunk(piece.span, direction, offset: offset, arrival: Invariants.mark))
            offset += Int64(piece.count)
        }
        decoder.finish(into: &exchange)
        return exchange.websocket?.sides[direction]
    }

    /// Text, an empty text, three bytes with a length, the closing bytes.
    static let frames: [UInt8] = [0, 0x68, 0x69, 0xff, 0, 0xff, 0x80, 3, 1, 2, 3, 0xff, 0]

    @Test func framesAreCountedWhereverTheyAreCut() throws {
        for cut in 0...Self.frames.count {
            let pieces = [Array(Self.frames[..<cut]), Array(Self.frames[cut...])]
            let side = try #require(Self.session(pieces, .client, draft: .hixie76))
            #expect(side.textMessages == 2 && side.binaryMessages == 1 && side.payloadBytes == 5)
            #expect(side.frames[1] == 2 && side.frames[2] == 1 && side.frames[8] == 1)
            #expect(side.close != nil && side.close?.code == nil && side.wireBytes == 13)
        }
    }

    @Test func theAnswerToTheChallengeIsNoFrame() throws {
        let answer = Array("8jKS'y:G*Co,Wxa-".utf8)
        #expect(try #require(Self.session([answer + Self.frames], .server, draft: .hixie76)).textMessages == 2)
        #expect(try #require(Self.session([Self.frames], .server, draft: .hixie75)).textMessages == 2)
    }

    @Test func aLengthWithoutAnEndIsGivenUp() throws {
        let side = try #require(Self.session([[UInt8](repeating: 0xff, count: 40)], .client, draft: .hixie75))
        #expect(side.lost && side.binaryMessages == 0)
    }
}
