// Which live message stands for which recorded one.
//
// Position by position a single message too many makes everything after it wrong. So the longest common subsequence is kept
// fixed; what is left between two fixed points is paired where it is alike, found again elsewhere (reordered), missing or
// extra. Equal beginnings and ends are set aside first: most sessions are nothing else.

struct Alignment {
    enum Pair: Equatable {
        case same(recorded: Int, live: Int)
        case changed(recorded: Int, live: Int)
        /// Equal, but not in its place.
        case reordered(recorded: Int, live: Int)
        case missing(recorded: Int)
        case extra(live: Int)
    }

    /// In the order of a reader: by recorded message, extras where they came.
    let pairs: [Pair]

    init(_ recorded: [ComparedMessage], _ live: [ComparedMessage], ignoresOrder: Bool) {
        var matches = ignoresOrder ? Self.anyOrder(recorded, live) : Self.inOrder(recorded, live)
        matches.sort { $0.0 < $1.0 }
        var pairs: [Pair] = []
        var isTaken = [Bool](repeating: false, count: live.count)
        var counterpart = [Int?](repeating: nil, count: recorded.count)
        for (old, new) in matches {
            isTaken[new] = true
            counterpart[old] = new
        }
        // Equal ones that are left stand elsewhere.
        var elsewhere: [[UInt8]: [Int]] = [:]
        for index in live.indices.reversed() where !isTaken[index] {
            elsewhere[live[index].key, default: []].append(index)
        }
        var moved: [Int: Int] = [:]
        for index in recorded.indices where counterpart[index] == nil {
            guard let found = elsewhere[recorded[index].key]?.popLast() else { continue }
            moved[index] = found
            isTaken[found] = true
        }
        // What is left between two fixed points is paired where it is alike.
        var changed: [Int: Int] = [:]
        var gapStart = (0, 0)
        for (old, new) in matches.map({ ($0.0, $0.1) }) + [(recorded.count, live.count)] {
            let olds = (gapStart.0..<max(gapStart.0, old)).filter { counterpart[$0] == nil && moved[$0] == nil }
            let news = ignoresOrder ? [] : (gapStart.1..<max(gapStart.1, new)).filter { !isTaken[$0] }
            for (a, b) in Self.alike(olds, news, recorded, live) {
                changed[a] = b
                isTaken[b] = true
            }
            gapStart = (old + 1, new + 1)
        }
        if ignoresOrder {
            let olds = recorded.indices.filter { counterpart[$0] == nil && moved[$0] == nil }
            let news = live.indices.filter { !isTaken[$0] }
            for (a, b) in Self.alike(olds, news, recorded, live) {
                changed[a] = b
                isTaken[b] = true
            }
        }
        var nextExtra = 0
        func addExtras(before end: Int) {
            while nextExtra < end {
                if !isTaken[nextExtra] { pairs.append(.extra(live: nextExtra)) }
                nextExtra += 1
            }
        }
        for index in recorded.indices {
            if let new = counterpart[index] {
                if !ignoresOrder { addExtras(before: new) }
                pairs.append(.same(recorded: index, live: new))
            } else if let new = moved[index] {
                pairs.append(.reordered(recorded: index, live: new))
            } else if let new = changed[index] {
                if !ignoresOrder { addExtras(before: new) }
                pairs.append(.changed(recorded: index, live: new))
            } else {
                pairs.append(.missing(recorded: index))
            }
        }
        addExtras(before: live.count)
        self.pairs = pairs
    }

    /// The longest common subsequence, or what comes close to it where the sessions are long and very different.
    private static func inOrder(_ recorded: [ComparedMessage], _ live: [ComparedMessage]) -> [(Int, Int)] {
        var start = 0
        let shortest = min(recorded.count, live.count)
        while start < shortest, recorded[start].key == live[start].key { start += 1 }
        var end = 0
        while end < shortest - start,
            recorded[recorded.count - 1 - end].key == live[live.count - 1 - end].key
        {
            end += 1
        }
        var matches = (0..<start).map { ($0, $0) }
        let olds = start..<(recorded.count - end)
        let news = start..<(live.count - end)
        if olds.count * news.count <= 4 << 20 {
            matches += longestCommon(recorded, olds, live, news)
        } else {
            matches += increasing(recorded, olds, live, news)
        }
        matches += (0..<end).map { (recorded.count - end + $0, live.count - end + $0) }
        return matches
    }

    private static func longestCommon(
        _ recorded: [ComparedMessage], _ olds: Range<Int>, _ live: [ComparedMessage], _ news: Range<Int>
    ) -> [(Int, Int)] {
        guard !olds.isEmpty, !news.isEmpty else { return [] }
        // Numbers for keys: a table of millions of cells compares numbers, not payloads.
        var numbers: [[UInt8]: Int] = [:]
        func number(_ message: ComparedMessage) -> Int {
            if let known = numbers[message.key] { return known }
            numbers[message.key] = numbers.count
            return numbers.count - 1
        }
        let a = olds.map { number(recorded[$0]) }
        let b = news.map { number(live[$0]) }
        let width = b.count + 1
        var lengths = [Int32](repeating: 0, count: (a.count + 1) * width)
        for i in stride(from: a.count - 1, through: 0, by: -1) {
            for j in stride(from: b.count - 1, through: 0, by: -1) {
                lengths[i * width + j] =
                    a[i] == b[j]
                    ? lengths[(i + 1) * width + j + 1] + 1
                    : max(lengths[(i + 1) * width + j], lengths[i * width + j + 1])
            }
        }
        var matches: [(Int, Int)] = []
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            if a[i] == b[j] {
                matches.append((olds.lowerBound + i, news.lowerBound + j))
                i += 1
                j += 1
            } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
                i += 1
            } else {
                j += 1
            }
        }
        return matches
    }

    /// Each recorded message with the next unused equal one, and of these pairs the longest run that is in order.
    private static func increasing(
        _ recorded: [ComparedMessage], _ olds: Range<Int>, _ live: [ComparedMessage], _ news: Range<Int>
    ) -> [(Int, Int)] {
        var places: [[UInt8]: [Int]] = [:]
        for index in news.reversed() { places[live[index].key, default: []].append(index) }
        let pairs = olds.compactMap { old in places[recorded[old].key]?.popLast().map { (old, $0) } }
        var tails: [Int] = []
        var previous = [Int?](repeating: nil, count: pairs.count)
        for index in pairs.indices {
            var low = 0
            var high = tails.count
            while low < high {
                let middle = (low + high) / 2
                if pairs[tails[middle]].1 < pairs[index].1 { low = middle + 1 } else { high = middle }
            }
            previous[index] = low > 0 ? tails[low - 1] : nil
            if low == tails.count { tails.append(index) } else { tails[low] = index }
        }
        var run: [(Int, Int)] = []
        var current = tails.last
        while let index = current {
            run.append(pairs[index])
            current = previous[index]
        }
        return run.reversed()
    }

    private static func anyOrder(_ recorded: [ComparedMessage], _ live: [ComparedMessage]) -> [(Int, Int)] {
        var places: [[UInt8]: [Int]] = [:]
        for index in live.indices.reversed() { places[live[index].key, default: []].append(index) }
        return recorded.indices.compactMap { old in places[recorded[old].key]?.popLast().map { (old, $0) } }
    }

    /// Pairs of what is alike, in order, the sum of likeness as large as it can be.
    private static func alike(
        _ olds: [Int], _ news: [Int], _ recorded: [ComparedMessage], _ live: [ComparedMessage]
    ) -> [(Int, Int)] {
        guard !olds.isEmpty, !news.isEmpty else { return [] }
        // One for one: whatever it is, it stands for it.
        if olds.count == news.count, olds.count == 1 || olds.count * news.count > 4096 { return Array(zip(olds, news)) }
        guard olds.count * news.count <= 4096 else { return Array(zip(olds, news)) }
        let width = news.count + 1
        var sums = [Double](repeating: 0, count: (olds.count + 1) * width)
        var values = [Double](repeating: 0, count: olds.count * news.count)
        for i in stride(from: olds.count - 1, through: 0, by: -1) {
            for j in stride(from: news.count - 1, through: 0, by: -1) {
                let value = recorded[olds[i]].likeness(to: live[news[j]])
                values[i * news.count + j] = value
                let paired = value >= leastLikeness ? value + sums[(i + 1) * width + j + 1] : 0
                sums[i * width + j] = max(paired, sums[(i + 1) * width + j], sums[i * width + j + 1])
            }
        }
        var pairs: [(Int, Int)] = []
        var (i, j) = (0, 0)
        while i < olds.count, j < news.count {
            let value = values[i * news.count + j]
            if value >= leastLikeness, sums[i * width + j] == value + sums[(i + 1) * width + j + 1] {
                pairs.append((olds[i], news[j]))
                i += 1
                j += 1
            } else if sums[(i + 1) * width + j] >= sums[i * width + j + 1] {
                i += 1
            } else {
                j += 1
            }
        }
        return pairs
    }

    /// Less than this is another message, not a changed one.
    private static let leastLikeness = 0.3
}
