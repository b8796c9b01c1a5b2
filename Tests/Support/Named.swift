public import Testing

/// A row that goes by its name in logs.
@dynamicMemberLookup
public struct Named<Value: Sendable>: CustomTestStringConvertible, Sendable {
    public let value: Value
    public let testDescription: String

    public subscript<Member>(dynamicMember member: KeyPath<Value, Member>) -> Member { value[keyPath: member] }
}

extension Sequence where Element: Sendable {
    /// The rows, each with the name that `name` makes of it.
    public func named(_ name: (Element) -> String) -> [Named<Element>] {
        map { Named(value: $0, testDescription: name($0)) }
    }
}
