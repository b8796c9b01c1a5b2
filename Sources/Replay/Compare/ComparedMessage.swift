// A message as it is compared: equal when its key is equal.
//
// The key is what is left when everything is taken out that does not matter: of JSON the order of members, the spelling of numbers
// and the places to ignore; of any text what a pattern matches. Keys are compared and hashed, so that two long sessions can be
// aligned without comparing each message with each.

import Traffic

struct ComparedMessage {
    let opcode: UInt8
    let payload: [UInt8]
    /// The text of a text message.
    let text: String?
    let json: JSONValue?
    let key: [UInt8]

    init(opcode: UInt8, payload: [UInt8], options: CompareOptions) {
        self.opcode = opcode
        self.payload = payload
        var text = opcode == 1 ? String(validating: payload, as: UTF8.self) : nil
        let isChanged = text != nil && !options.patterns.isEmpty
        if let whole = text { text = options.patterns.reduce(whole) { $1.removed(from: $0) } }
        self.text = text
        let bytes = isChanged ? Array((text ?? "").utf8) : payload
        json = opcode == 1 ? JSONValue(bytes) : nil
        var key = [opcode]
        if let json, json.isContainer {
            JSONKey(ignoring: options.pointers).write(json, JSONPointer([]), into: &key)
        } else {
            key += bytes
        }
        self.key = key
    }

    /// How much of two messages is the same, from 0 to 1.
    func likeness(to other: ComparedMessage) -> Double {
        if key == other.key { return 1 }
        guard opcode == other.opcode else { return 0 }
        if let a = json?.members, let b = other.json?.members, !a.isEmpty || !b.isEmpty {
            let theirs = Dictionary(b.map { ($0.key, $0.value) }) { $1 }
            var alike = 0.0
            for (name, value) in a {
                guard let otherValue = theirs[name] else { continue }
                alike += value == otherValue ? 1 : 0.4
            }
            return alike / Double(max(a.count, b.count))
        }
        let longest = max(payload.count, other.payload.count)
        guard longest > 0 else { return 0 }
        let shortest = min(payload.count, other.payload.count)
        var start = 0
        while start < shortest, payload[start] == other.payload[start] { start += 1 }
        var end = 0
        while end < shortest - start,
            payload[payload.count - 1 - end] == other.payload[other.payload.count - 1 - end]
        {
            end += 1
        }
        return Double(start + end) / Double(longest)
    }
}

/// Writes JSON in the one way that equal texts share.
private struct JSONKey {
    let ignoring: [JSONPointer]

    func write(_ value: JSONValue, _ place: JSONPointer, into key: inout [UInt8]) {
        if !ignoring.isEmpty, ignoring.contains(where: { $0.covers(place) }) { return }
        switch value.content {
        case .null: key.append(UInt8(ascii: "n"))
        case .bool(let value): key.append(UInt8(ascii: value ? "t" : "f"))
        case .number(let number): key += Array("#\(number.canonical);".utf8)
        case .string(let text): write(text, into: &key)
        case .array(let values):
            key.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                write(value, ignoring.isEmpty ? place : place.appending(String(index)), into: &key)
                key.append(UInt8(ascii: ","))
            }
            key.append(UInt8(ascii: "]"))
        case .object(let members):
            key.append(UInt8(ascii: "{"))
            var last: [String: JSONValue] = [:]
            for (name, value) in members { last[name] = value }
            for (name, value) in last.sorted(by: { $0.key < $1.key }) {
                let inner = ignoring.isEmpty ? place : place.appending(name)
                if !ignoring.isEmpty, ignoring.contains(where: { $0.covers(inner) }) { continue }
                write(name, into: &key)
                write(value, inner, into: &key)
            }
            key.append(UInt8(ascii: "}"))
        }
    }

    private func write(_ text: String, into key: inout [UInt8]) {
        key += Array("\"\(text.utf8.count):".utf8)
        key += Array(text.utf8)
    }
}
