// What differs between two JSON texts, place by place, so that a person reads a path and two values and not two texts.

/// One place where two JSON texts are not the same.
struct JSONDifference: Equatable {
    var place: JSONPointer
    /// The texts there; `nil` where nothing stands.
    var recorded: String?
    var live: String?

    /// All places, outermost first, at most `limit` of them; those under `ignoring` are left out.
    static func between(
        _ recorded: (value: JSONValue, bytes: [UInt8]), _ live: (value: JSONValue, bytes: [UInt8]),
        ignoring: [JSONPointer], limit: Int = 32
    ) -> [JSONDifference] {
        var search = Search(recorded: recorded.bytes, live: live.bytes, ignoring: ignoring, limit: limit)
        search.compare(recorded.value, live.value, JSONPointer([]))
        return search.found
    }

    private struct Search {
        let recorded: [UInt8]
        let live: [UInt8]
        let ignoring: [JSONPointer]
        let limit: Int
        var found: [JSONDifference] = []

        mutating func compare(_ a: JSONValue, _ b: JSONValue, _ place: JSONPointer) {
            guard found.count < limit, !ignoring.contains(where: { $0.covers(place) }) else { return }
            switch (a.content, b.content) {
            case (.object(let first), .object(let second)):
                let live = Dictionary(second.map { ($0.key, $0.value) }) { $1 }
                var seen: Set<String> = []
                for (key, _) in first where seen.insert(key).inserted {
                    guard let value = a[key] else { continue }
                    if let other = live[key] {
                        compare(value, other, place.appending(key))
                    } else {
                        add(value, nil, place.appending(key))
                    }
                }
                for (key, _) in second where seen.insert(key).inserted { add(nil, b[key], place.appending(key)) }
            case (.array(let first), .array(let second)):
                // One that was put in or taken out moves all after it: the equal ends are set aside.
                var start = 0
                while start < min(first.count, second.count), first[start] == second[start] {
                    start += 1
                }
                var end = 0
                if first.count != second.count {
                    while end < min(first.count, second.count) - start,
                        first[first.count - 1 - end] == second[second.count - 1 - end]
                    {
                        end += 1
                    }
                }
                for index in start..<max(start, max(first.count, second.count) - end) {
                    let old = index < first.count - end ? first[index] : nil
                    let new = index < second.count - end ? second[index] : nil
                    let inner = place.appending(String(index))
                    if let old, let new { compare(old, new, inner) } else { add(old, new, inner) }
                }
            default:
                if a != b { add(a, b, place) }
            }
        }

        private mutating func add(_ a: JSONValue?, _ b: JSONValue?, _ place: JSONPointer) {
            guard found.count < limit, !ignoring.contains(where: { $0.covers(place) }) else { return }
            found.append(
                JSONDifference(
                    place: place, recorded: a.map { text(recorded, $0) }, live: b.map { text(live, $0) }))
        }

        private func text(_ bytes: [UInt8], _ value: JSONValue) -> String {
            String(decoding: bytes[value.range], as: UTF8.self)
        }
    }
}
