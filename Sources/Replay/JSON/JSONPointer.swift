// A place in a JSON text (RFC 6901), with `*` for any member or element.

import Ground

/// `/user/name`, `/items/*/id`; the empty pointer is the whole text.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    public var steps: [String]

    public init(_ steps: [String]) { self.steps = steps }

    /// Reads a pointer; `nil` where it does not begin with "/".
    public init?(_ text: String) {
        guard text.isEmpty || text.hasPrefix("/") else { return nil }
        steps = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map { step in
            var result = ""
            var rest = step[...]
            while let character = rest.popFirst() {
                if character == "~", let next = rest.first, next == "0" || next == "1" {
                    result.append(next == "0" ? "~" : "/")
                    rest = rest.dropFirst()
                } else {
                    result.append(character)
                }
            }
            return result
        }
    }

    public func appending(_ step: String) -> JSONPointer { JSONPointer(steps + [step]) }

    /// Whether this names `place` or something around it.
    public func covers(_ place: JSONPointer) -> Bool {
        steps.count <= place.steps.count && zip(steps, place.steps).allSatisfy { $0 == "*" || $0 == $1 }
    }

    /// The first value it names.
    public func value(in document: JSONValue) -> JSONValue? {
        var value = document
        for (index, step) in steps.enumerated() {
            if step == "*" {
                let rest = JSONPointer(Array(steps[(index + 1)...]))
                let inner = value.array ?? value.members?.map(\.value) ?? []
                for candidate in inner {
                    if let found = rest.value(in: candidate) { return found }
                }
                return nil
            }
            if let elements = value.array {
                guard let position = Int(step), elements.indices.contains(position) else { return nil }
                value = elements[position]
            } else if let member = value[step] {
                value = member
            } else {
                return nil
            }
        }
        return value
    }

    public var description: String {
        steps.map { step in
            "/" + step.map { $0 == "~" ? "~0" : $0 == "/" ? "~1" : String($0) }.joined()
        }.joined()
    }
}
