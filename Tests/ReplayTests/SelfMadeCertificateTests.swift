// The certificate of a stand-in, read by BoringSSL; that clients believe it is tested in `Lab/TargetTests.swift`.

import NIOSSL
import Testing
import Traffic

@testable import Replay

struct SelfMadeCertificateTests {
    @Test("each name once, an address as an address")
    func names() throws {
        let made = try SelfMadeCertificate(
            names: ["example.org", "localhost", "192.0.2.1", "2001:db8::1"],
            now: Timestamp(nanoseconds: 1_800_000_000_000_000_000))
        #expect(
            made.certificate.description.hasSuffix(
                ";common_name=upgradescope serve"
                    + ";alternative_names=localhost,127.0.0.1,::1,example.org,192.0.2.1,2001:db8::1>"))
        #expect(made.certificate.serialNumber.count == 16)
        #expect(try NIOSSLCertificate.fromPEMBytes(Array(made.pem.utf8)) == [made.certificate])
    }

    /// RFC 5280 4.1.2.5: two digits of a year up to 2049, four from 2050 on.
    @Test(
        "valid from the day before, for a month",
        arguments: [
            "1949-06-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-02-28T23:59:59Z", "2049-12-15T12:00:00Z",
            "2050-01-01T12:00:00Z", "2262-01-01T00:00:00Z",
        ])
    func dates(_ text: String) throws {
        let now = try #require(Timestamp(rfc3339: text))
        let made = try SelfMadeCertificate(names: [], now: now)
        let seconds = Int(now.nanoseconds / 1_000_000_000)
        #expect(made.certificate.notValidBefore == seconds - 86_400)
        #expect(made.certificate.notValidAfter == seconds + 30 * 86_400)
    }
}
