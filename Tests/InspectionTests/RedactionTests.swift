// Secrets: found in heads and in bytes that look like heads, and gone from everything that is shown.

import Ground
import TestSupport
import Testing
import Traffic

@testable import Inspection

@Suite struct RedactionTests {
    static let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"

    typealias Row = (line: String, secrets: [String])

    static let rows: [Row] = [
        ("Authorization: Bearer abc.def", ["abc.def"]),
        ("authorization:abcdef", ["abcdef"]),
        ("Proxy-Authorization:  Basic dTpw ", ["dTpw"]),
        ("Cookie: a=1; session=xyz; flag", ["1", "xyz", "flag"]),
        ("Set-Cookie: sid=abc; Path=/; HttpOnly", ["abc"]),
        ("Sec-WebSocket-Protocol: chat, \(jwt)", [jwt]),
        ("Sec-WebSocket-Protocol: bearer, s3cr3t", ["s3cr3t"]),
        ("Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.bXl0b2tlbg", ["bXl0b2tlbg"]),
        ("Sec-WebSocket-Protocol: graphql-transport-ws, mqtt", []),
        ("Location: https://a.example/cb?code=12345678&x=1", ["12345678"]),
        ("Referer: https://u:p@a.example/", ["u:p"]),
        ("X-Api-Key: 123", ["123"]),
        ("X-Auth-Token: 456", ["456"]),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", []),
        ("Host: token.example.com", []),
        ("WWW-Authenticate: Basic realm=\"x\"", []),
    ]

    @Test(arguments: rows.named(\.line))
    func fieldsHideTheirSecrets(_ row: Named<Row>) {
        let text = "GET / HTTP/1.1\r\n\(row.line)\r\nHost: a\r\n\r\n"
        #expect(hidden(text) == row.secrets, "\(row.line)")
        // Cut inside a secret, what is left of it stays hidden, where the field alone says that it is one.
        let bytes = Array(text.utf8)
        let ranges = Redaction.secretRanges(in: bytes[...])
        for range in ranges {
            let cut = Array(bytes[..<(range.lowerBound + 1)])
            #expect(
                row.line.contains("Protocol") || row.line.contains("@")
                    || Redaction.secretRanges(in: cut[...]).last?.upperBound == cut.count)
        }
    }

    @Test func foldedLinesStaySecret() {
        #expect(hidden("GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\n  def\r\n\r\n") == ["abc", "def"])
        #expect(hidden("GET / HTTP/1.1\nCookie: a=b\n\n") == ["b"])
        #expect(hidden("GET / HTTP/1.1\r\nCookie : a=b\r\n\r\n") == ["b"])
    }

    @Test func queriesHideTheirSecrets() {
        #expect(hidden("GET /ws?access_token=abc&room=7&sig=zz HTTP/1.1\r\n\r\n") == ["abc", "zz"])
        #expect(hidden("GET /ws?x=\(Self.jwt) HTTP/1.1\r\n\r\n") == [Self.jwt])
        #expect(hidden("GET http://user:pw@a/ws HTTP/1.1\r\n\r\n") == ["user:pw"])
        #expect(hidden("GET /ws?room=7 HTTP/1.1\r\n\r\n") == [])
    }

    @Test func targetsAreShownWithoutSecrets() throws {
        let exchange = try #require(
            Wire.run([.client(.ws.line("GET /ws?token=abcdefgh&r=1 HTTP/1.1"))]).exchanges.first)
        let request = try #require(exchange.request)
        #expect(Redaction.target(of: request) == "/ws?token=‹redacted 8 bytes›&r=1")
    }

    /// No secret in any message or excerpt of any finding, unless asked for.
    @Test func findingsHoldNoSecrets() {
        let secret = "s3cr3tv4lue"
        let heads: [Head] = [
            Head.ws.with("Authorization", "Bearer \(secret)").without("Sec-WebSocket-Key"),
            Head.ws.with("Cookie", "id=\(secret)").with("Connection", "keep-alive, cookie"),
            Head.ws.line("POST /ws?token=\(secret) HTTP/1.0"),
            Head.ws.with("Sec-WebSocket-Protocol", "bearer, \(secret), bearer, \(secret)"),
            Head.connect.with("Proxy-Authorization", "Basic \(secret)").with("Content-Length", "0"),
        ]
        for head in heads {
            let later = Head.get.line("GET /?token=\(secret) HTTP/1.1").with("Cookie", "id=\(secret)")
            let steps: [Step] = [
                .client(head + later.bytes),
                .server(.answer("302 Found", [("Location", "/?token=\(secret)"), ("Set-Cookie", "id=\(secret)")])),
                .server(.answer("200 OK", [("Set-Cookie", "id=\(secret)")])),
            ]
            let run = Wire.run(steps)
            let findings = run.findings()
            #expect(findings.count > 2)
            for finding in findings {
                #expect(!finding.message.contains(secret), "\(finding.rule): \(finding.message)")
                for evidence in finding.evidence {
                    let text = evidence.excerpt[...].text
                    #expect(!text.contains(secret), "\(finding.rule), \(evidence.label): \(text)")
                    for run in evidence.redacted {
                        #expect(evidence.excerpt[run].allSatisfy { $0 == 0x2a })
                    }
                }
            }
            let open = run.findings(Inspector(showSecrets: true))
            #expect(open.contains { $0.evidence.contains { $0.excerpt[...].text.contains(secret) } })
        }
    }

    private func hidden(_ text: String) -> [String] {
        let bytes = Array(text.utf8)
        return Redaction.secretRanges(in: bytes[...]).map { bytes[$0].text }
    }
}
