// SHA-1 of a few bytes that lie on the stack, without an array for them or for the digest.

import Crypto

/// SHA-1 (FIPS 180-4), which RFC 6455 4.2.2 asks for; not for secrets.
public enum SHA1 {
    /// The digest of those bytes.
    public static func digest(of bytes: Span<UInt8>) -> [20 of UInt8] {
        var hash = Insecure.SHA1()
        unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        var digest = [20 of UInt8](repeating: 0)
        unsafe hash.finalize().withUnsafeBytes { source in
            // Safe: the index is checked by both sides.
            for index in digest.indices { digest[index] = unsafe source[index] }
        }
        return digest
    }
}
