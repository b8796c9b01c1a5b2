// What a test needs, or costs, so that it can be chosen by that.

public import Testing

extension Tag {
    /// Keeps every core busy for minutes: `make test` runs these by themselves, after the others.
    @Tag public static var long: Self
    /// Listens to network interfaces: needs root, and namespaces or the loopback interface.
    @Tag public static var live: Self
    /// Talks to real servers or clients, which lie beside the clone in `../shared/servers`.
    @Tag public static var servers: Self
}
