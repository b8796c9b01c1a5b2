// A certificate of our own for a stand-in that speaks TLS: a key that lives as long as the process, for the names by
// which this machine is called. It is its own authority, so that a client can be told to trust exactly it.
//
// RFC 5280 4.1 in DER, from top to bottom. The library that reads and writes all certificates would cost every first
// build a minute of computing.

internal import Crypto
internal import NIOSSL
internal import SwiftASN1
public import Traffic

/// A certificate and its key.
public struct SelfMadeCertificate: Sendable {
    /// The certificate as PEM (RFC 7468), for a client to trust.
    public let pem: String
    let certificate: NIOSSLCertificate
    let key: NIOSSLPrivateKey

    /// Makes one for these names or addresses, beside localhost, valid for a month around `now`.
    public init(names: [String], now: Timestamp) throws {
        let privateKey = P256.Signing.PrivateKey()
        let body = try DER.bytes {
            try $0.writeBody(names: ["localhost", "127.0.0.1", "::1"] + names, now: now, key: privateKey.publicKey)
        }
        let signature = try privateKey.signature(for: body)
        let signed = try DER.bytes {
            try $0.sequence {
                $0.serializeRawBytes(body)
                try $0.writeSignatureAlgorithm()
                try $0.serialize(ASN1BitString(bytes: Array(signature.derRepresentation)[...]))
            }
        }
        pem = PEMDocument(type: "CERTIFICATE", derBytes: signed).pemString + "\n"
        certificate = try NIOSSLCertificate(bytes: signed, format: .der)
        key = try NIOSSLPrivateKey(bytes: Array(privateKey.derRepresentation), format: .der)
    }
}

extension DER.Serializer {
    /// What is signed: TBSCertificate.
    fileprivate mutating func writeBody(names: [String], now: Timestamp, key: P256.Signing.PublicKey) throws {
        try sequence {
            try $0.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { try $0.serialize(2) }
            try $0.serialize(Self.serialNumber()[...])
            try $0.writeSignatureAlgorithm()
            try $0.writeName()  // of the issuer
            $0.sequence {
                $0.writeTime(now, daysLater: -1)
                $0.writeTime(now, daysLater: 30)
            }
            try $0.writeName()  // of the subject
            $0.serializeRawBytes(key.derRepresentation)
            try $0.serialize(explicitlyTaggedWithTagNumber: 3, tagClass: .contextSpecific) {
                try $0.sequence { try $0.writeExtensions(names: names, key: key) }
            }
        }
    }

    private mutating func writeExtensions(names: [String], key: P256.Signing.PublicKey) throws {
        // Basic constraints: an authority, and none below it.
        try write([2, 5, 29, 19], isCritical: true) {
            try $0.sequence {
                try $0.serialize(true)
                try $0.serialize(0)
            }
        }
        // Key usage: digitalSignature (0) and keyCertSign (5).
        try write([2, 5, 29, 15], isCritical: true) {
            try $0.serialize(ASN1BitString(bytes: [0b1000_0100], paddingBits: 2))
        }
        // Extended key usage: serverAuth.
        try write([2, 5, 29, 37]) {
            try $0.sequence { try $0.serialize([1, 3, 6, 1, 5, 5, 7, 3, 1] as ASN1ObjectIdentifier) }
        }
        // Subject key identifier, which RFC 5280 4.2.1.2 asks of every authority.
        try write([2, 5, 29, 14]) {
            let digest = Array(Insecure.SHA1.hash(data: key.x963Representation))
            try $0.serialize(ASN1OctetString(contentBytes: digest[...]))
        }
        // Subject alternative names, each once.
        try write([2, 5, 29, 17]) {
            $0.sequence {
                for (index, name) in names.enumerated() where !names[..<index].contains(name) {
                    let (number, bytes): (UInt, _) = IPAddress(name).map { (7, $0.bytes) } ?? (2, Array(name.utf8))
                    $0.appendPrimitiveNode(
                        identifier: ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific)
                    ) { $0 += bytes }
                }
            }
        }
    }

    private mutating func write(
        _ id: ASN1ObjectIdentifier, isCritical: Bool = false, _ value: (inout DER.Serializer) throws -> Void
    ) throws {
        try sequence {
            try $0.serialize(id)
            if isCritical { try $0.serialize(true) }
            try $0.serialize(ASN1OctetString(contentBytes: DER.bytes(value)[...]))
        }
    }

    /// ECDSA with SHA-256.
    fileprivate mutating func writeSignatureAlgorithm() throws {
        try sequence { try $0.serialize([1, 2, 840, 10045, 4, 3, 2] as ASN1ObjectIdentifier) }
    }

    /// One common name.
    private mutating func writeName() throws {
        try sequence {
            try $0.appendConstructedNode(identifier: .set) {
                try $0.sequence {
                    try $0.serialize([2, 5, 4, 3] as ASN1ObjectIdentifier)
                    try $0.serialize(ASN1UTF8String("upgradescope serve"))
                }
            }
        }
    }

    /// To the second; two digits of the year from 1950 to 2049, and four of all others.
    private mutating func writeTime(_ now: Timestamp, daysLater days: Int64) {
        let (sum, overflow) = now.nanoseconds.addingReportingOverflow(days * 86_400_000_000_000)
        let time = overflow ? now : Timestamp(nanoseconds: sum)
        let digits = time.text.utf8.prefix(19).filter { $0 >= 0x30 && $0 <= 0x39 }
        let isShort = ("1950"..<"2050").contains(time.text.prefix(4))
        appendPrimitiveNode(identifier: isShort ? .utcTime : .generalizedTime) {
            $0 += digits.dropFirst(isShort ? 2 : 0) + [UInt8(ascii: "Z")]
        }
    }

    /// Sixteen bytes that nobody guesses, as a number above 0.
    private static func serialNumber() -> [UInt8] {
        var bytes = (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        bytes[0] = bytes[0] & 0x7f | 0x40
        return bytes
    }

    fileprivate mutating func sequence(_ content: (inout DER.Serializer) throws -> Void) rethrows {
        try appendConstructedNode(identifier: .sequence, content)
    }
}

extension DER {
    fileprivate static func bytes(_ content: (inout Serializer) throws -> Void) rethrows -> [UInt8] {
        var serializer = Serializer()
        try content(&serializer)
        return serializer.serializedBytes
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
