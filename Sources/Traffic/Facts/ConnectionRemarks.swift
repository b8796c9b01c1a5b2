// What few connections give reason to say: kept apart, so that the many others do not carry the room for it.

/// Remarks on a connection, made by its reader and reported with its record.
final class ConnectionRemarks {
    /// Whom the connection was made for, where a PROXY header said so.
    var proxied: ProxiedAddresses?
    /// What a ClientHello asked for: the name of a server, and protocols.
    var serverName: String?
    var protocols: [String] = []
    /// The first bytes of a client that speaks no HTTP, at most 64.
    var firstBytes: [UInt8] = []
    /// First client bytes of a connection whose beginning was not seen, when they were no request.
    var firstBytesUnknown = false
    /// Consistent frame headers of a session that may have begun before the capture.
    var guessedFrames: UInt32 = 0
    /// Requests whose Connection names an upgrade that no field offers (RULES UPG002), and the first of them.
    var loneUpgradeOptions: UInt32 = 0
    var firstLoneUpgradeOption: MessageHead?
    /// Ordinary answers whose Upgrade names HTTP/2 (RULES RES015), and the first of them.
    var advertisements: UInt32 = 0
    var firstAdvertisement: MessageHead?
    /// Ordinary answers whose Upgrade is not named in Connection (RULES RES002), and the first of them.
    var bareUpgrades: UInt32 = 0
    var firstBareUpgrade: MessageHead?
    /// The first hole, and the first packet that was seen twice.
    var firstGap: Place?
    var firstDuplicate: (copy: Arrival, original: Arrival)?
}
