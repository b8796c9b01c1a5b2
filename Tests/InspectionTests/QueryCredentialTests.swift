// The quick look at a query says what the slow one does.

import Testing
import Traffic

@testable import Inspection

@Suite struct QueryCredentialTests {
    static let rows: [(target: String, kind: QueryCredential.Kind)] = [
        ("/", .none), ("/chat?room=12345678", .none), ("/chat?token=12345678", .other),
        ("/chat?token=1234567", .none), ("/chat?TOKEN=12345678", .other), ("/chat?a=1&access_token=12345678", .other),
        ("/chat?access%5Ftoken=12345678", .other), ("/chat?access_toke=12345678", .none),
        ("/chat?sid=12345678", .session), ("/chat?sid=12345678&jwt=12345678", .other),
        ("/chat?sid=12345678;x=1", .session), ("/chat?jwt=12345678&sid=12345678", .other),
        ("/chat?x=eyJhbGciOiJIUzI1NiJ9", .other), ("/chat?x=eyIhbGciOiJIUzI1NiJ9", .none),
        ("/chat?sid=eyJhbGciOiJIUzI1NiJ9", .session), ("/chat?=12345678", .none), ("/chat?token", .none),
        ("/chat?token=", .none), ("/chat?token=12345678#sid=12345678", .other), ("/chat#token=12345678", .none),
        ("/chat?#token=12345678", .other), ("/chat?token=1?token=2345", .other), ("?auth========", .none),
        ("?auth=========", .other), ("?\0auth=12345678", .none), ("?authauthauthauthauthauth=12345678", .none),
    ]

    @Test(arguments: rows)
    func row(_ target: String, _ kind: QueryCredential.Kind) {
        let bytes = Array(target.utf8)
        #expect(QueryCredential.kind(in: bytes[...]) == kind)
        #expect(FamiliarExchanges.note(ofTarget: bytes.span).sort == kind.rawValue)
    }

    @Test func anyPieces() {
        let pieces = ["?", "&", ";", "#", "=", "%", "%5f", "sid", "token", "Auth", "eyJ", "e", "12345678", "x", "\0"]
        var state: UInt64 = 3
        var kinds: Set<UInt8> = []
        for _ in 0..<20_000 {
            var target = "/?"
            for _ in 0..<9 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                target += pieces[Int(state >> 33) % pieces.count]
            }
            let bytes = Array(target.utf8)
            let kind = QueryCredential.kind(in: bytes[...]).rawValue
            kinds.insert(kind)
            #expect(FamiliarExchanges.note(ofTarget: bytes.span).sort == kind, "\(target)")
        }
        #expect(kinds.count == 3)
    }
}
