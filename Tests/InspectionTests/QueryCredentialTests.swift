// Which queries hold a credential, and of what kind.

import Ground
import Testing
import Traffic

@testable import Inspection

@Suite struct QueryCredentialTests {
    /// None, the number of a session, or more than that.
    enum Kind { case none, session, other }

    static let rows: [(target: String, kind: Kind)] = [
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
    func row(_ target: String, _ kind: Kind) {
        let bytes = Array(target.utf8)
        let found = QueryCredential.find(in: bytes[...])
        let isSession = found?.key.matchesIgnoringCase("sid") == true
        #expect((found == nil ? Kind.none : isSession ? .session : .other) == kind)
    }
}
