// Credentials in a query (RULES SMG009), which proxies and logs keep.

import Ground
import Traffic

enum QueryCredential {
    /// The gravest credential in the query of a target: its name and value.
    static func find(in target: ArraySlice<UInt8>) -> (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        var found: (key: ArraySlice<UInt8>, value: ArraySlice<UInt8>)?
        Redaction.forEachParameter(target) { key, value in
            let isNamed = value.count >= shortestValue && isName(key)
            guard isNamed || value.starts(with: "eyJ") && Redaction.looksLikeJWT(value) else { return }
            // The first, but one that is more than the number of a session comes before all.
            if found == nil || found?.key.matchesIgnoringCase("sid") == true { found = (key, value) }
        }
        return found
    }

    private static func isName(_ key: ArraySlice<UInt8>) -> Bool { names.contains { key.matchesIgnoringCase($0) } }

    private static var shortestValue: Int { 8 }
    private static let names: [StaticString] = [
        "token", "access_token", "auth", "apikey", "api_key", "jwt", "password", "sid", "session",
    ]
}
