// TLS to a wss: target: whose certificates are believed, and what went wrong in words.

import NIOCore
import NIOSSL

/// How a wss: target is believed.
public struct TargetSecurity: Sendable {
    /// A PEM file of authorities instead of the system's; `nil` for those.
    public var authorities: String?
    /// Any certificate is accepted.
    public var isInsecure: Bool

    public init(authorities: String? = nil, isInsecure: Bool = false) {
        self.authorities = authorities
        self.isInsecure = isInsecure
    }

    /// What NIOSSL needs; throws a failure in words.
    func context() throws(ReplayFailure) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if isInsecure { configuration.certificateVerification = .none }
        if let authorities {
            do {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(authorities))
            } catch {
                throw ReplayFailure(.local, "\(authorities): no certificates can be read from it")
            }
        }
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw ReplayFailure(.local, "TLS could not be set up: \(error)")
        }
    }

    /// Why a handshake failed.
    static func failure(_ error: any Error, target: ReplayTarget) -> ReplayFailure {
        let detail = "\(error)"
        if detail.contains("CERTIFICATE_VERIFY_FAILED") {
            return ReplayFailure(
                .tls,
                "the certificate of \(target.host) is not signed by a trusted authority, or is out of date "
                    + "(--cacert names an authority, --insecure accepts any certificate)")
        }
        if let error = error as? NIOSSLExtraError {
            if error == .failedToValidateHostname {
                return ReplayFailure(
                    .tls, "the certificate is not for \(target.host) (--insecure accepts any certificate)")
            }
            return ReplayFailure(.tls, "TLS failed: \(error)")
        }
        if detail.contains("EOF during handshake") {
            return ReplayFailure(
                .tls, "the target closed the connection during the TLS handshake (ws:// instead of wss://?)")
        }
        if detail.contains("WRONG_VERSION_NUMBER") || detail.contains("HTTP_REQUEST") {
            return ReplayFailure(.tls, "TLS failed: the target does not speak TLS there (ws:// instead of wss://?)")
        }
        return ReplayFailure(.tls, "TLS failed: \(Self.shortened(detail))")
    }

    /// BoringSSL's own words, as far as they help.
    private static func shortened(_ detail: String) -> String {
        guard let end = detail.firstIndex(of: "\n") else { return String(detail.prefix(200)) }
        return String(detail[..<end].prefix(200))
    }
}
