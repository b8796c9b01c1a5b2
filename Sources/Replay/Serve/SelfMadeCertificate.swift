// A certificate of our own for a stand-in that speaks TLS: a key that lives as long as the process, for the names by
// which this machine is called. It is its own authority, so that a client can be told to trust exactly it.
//
// The one file that needs Foundation: swift-certificates takes the dates of a certificate as `Date`.

internal import Crypto
internal import FoundationEssentials
internal import NIOSSL
internal import SwiftASN1
public import Traffic
internal import X509

/// A certificate and its key.
public struct SelfMadeCertificate: Sendable {
    /// The certificate as PEM (RFC 7468), for a client to trust.
    public let pem: String
    let certificate: NIOSSLCertificate
    let key: NIOSSLPrivateKey

    /// Makes one for these names or addresses, beside localhost, valid for a month around `now`.
    public init(names: [String], now: Timestamp) throws {
        let privateKey = P256.Signing.PrivateKey()
        let issuerKey = Certificate.PrivateKey(privateKey)
        var alternatives: [GeneralName] = []
        for name in ["localhost", "127.0.0.1", "::1"] + names {
            let alternative: GeneralName
            if let address = IPAddress(name) {
                alternative = .ipAddress(ASN1OctetString(contentBytes: address.bytes[...]))
            } else {
                alternative = .dnsName(name)
            }
            if !alternatives.contains(alternative) { alternatives.append(alternative) }
        }
        let name = try DistinguishedName { CommonName("upgradescope serve") }
        let today = Date(timeIntervalSince1970: Double(now.nanoseconds) / 1e9)
        let signed = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: issuerKey.publicKey,
            notValidBefore: today.addingTimeInterval(-86_400), notValidAfter: today.addingTimeInterval(30 * 86_400),
            issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(alternatives)
            },
            issuerPrivateKey: issuerKey)
        var serializer = DER.Serializer()
        try serializer.serialize(signed)
        pem = PEMDocument(type: "CERTIFICATE", derBytes: serializer.serializedBytes).pemString + "\n"
        certificate = try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
        key = try NIOSSLPrivateKey(bytes: Array(privateKey.derRepresentation), format: .der)
    }
}

extension IPAddress {
    /// In network order: four bytes, or sixteen.
    fileprivate var bytes: [UInt8] {
        let all = [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
        }
        return isV4 ? Array(all[12...]) : all
    }
}
