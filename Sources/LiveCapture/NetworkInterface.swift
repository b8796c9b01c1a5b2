// What can be listened on.

/// One interface of this machine.
public struct NetworkInterface: Sendable, Equatable {
    public var name: String
    /// What the system says of it; often empty.
    public var description: String
    /// Addresses as text, IPv4 before IPv6.
    public var addresses: [String]
    public var isUp: Bool
    public var isRunning: Bool
    public var isLoopback: Bool
    public var isWireless: Bool
    /// Whether a cable is plugged in or a network joined; `nil` where that means nothing or is not known.
    public var isConnected: Bool?

    /// "up, running, loopback".
    public var state: String {
        var words = [isUp ? "up" : "down"]
        if isRunning { words.append("running") }
        if isLoopback { words.append("loopback") }
        if isWireless { words.append("wireless") }
        if let isConnected { words.append(isConnected ? "connected" : "not connected") }
        return words.joined(separator: ", ")
    }

    /// The interface that `name` means: by name, or by its number in the list, from 1.
    public static func named(_ name: String, in list: [NetworkInterface]) -> String? {
        if list.contains(where: { $0.name == name }) { return name }
        guard let number = Int(name), list.indices.contains(number - 1) else { return nil }
        return list[number - 1].name
    }
}
