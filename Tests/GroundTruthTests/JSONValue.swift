// A JSON document that somebody else wrote, read without believing in its shape.

import Foundation

struct JSONValue {
    let value: Any?

    init(_ value: Any?) { self.value = value is NSNull ? nil : value }

    init(contentsOf url: URL) throws {
        self.init(try JSONSerialization.jsonObject(with: Data(contentsOf: url), options: [.fragmentsAllowed]))
    }

    subscript(key: String) -> JSONValue { JSONValue((value as? [String: Any])?[key]) }

    /// The key is there and is not null.
    var exists: Bool { value != nil }
    var string: String? { value as? String }
    var int: Int? { (value as? NSNumber).map { $0.intValue } }
    var bool: Bool? { (value as? NSNumber).map { $0.boolValue } }
    var array: [JSONValue] { (value as? [Any])?.map { JSONValue($0) } ?? [] }
    var strings: [String] { array.compactMap { $0.string } }
    var keys: [String] { (value as? [String: Any])?.keys.sorted() ?? [] }
    /// The counts of an object whose values are numbers.
    var counts: [String: Int] {
        var counts: [String: Int] = [:]
        for key in keys { counts[key] = self[key].int }
        return counts
    }
}
