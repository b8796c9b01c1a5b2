// What a protocol after the switch showed, as its reader says it. The words for people, the JSON, and what is kept until
// the report is written all come from here: a new protocol is a folder of `Readers` and a line in its table.

/// Facts about a session that one reader found.
public protocol SessionFacts: Sendable {
    /// The member of the exchange in the JSON report that holds them.
    var name: String { get }
    /// What each side said, in a few short parts.
    var words: PerDirection<[String]> { get }
    /// Whole messages of each side; `nil` where the protocol has none that are counted.
    var messages: PerDirection<UInt64>? { get }
    /// The facts themselves, as an object.
    var report: FactValue { get }
}

/// A fact as a value that any format can write.
public indirect enum FactValue: Sendable, Equatable {
    case number(Int64)
    case flag(Bool)
    /// A word of ours.
    case word(String)
    /// Bytes of the capture: they may be anything, and secret.
    case captured([UInt8])
    case list([FactValue])
    case object([Member])

    public struct Member: Sendable, Equatable {
        public var name: String
        public var value: FactValue
        public init(_ name: String, _ value: FactValue) {
            self.name = name
            self.value = value
        }
    }

    /// Numbers by name, in the order of the names.
    public static func counts(_ counts: [String: UInt64]) -> FactValue {
        .object(counts.sorted { $0.key < $1.key }.map { Member($0.key, .number(Int64(clamping: $0.value))) })
    }

    /// One value for each direction.
    public static func sides(_ body: (Direction) -> FactValue) -> FactValue {
        .object(Direction.allCases.map { Member($0.name, body($0)) })
    }
}

/// Facts that were kept: what they said when they were found.
public struct KeptSessionFacts: SessionFacts {
    public var name: String
    public var words: PerDirection<[String]>
    public var messages: PerDirection<UInt64>?
    public var report: FactValue

    public init(
        name: String, words: PerDirection<[String]>, messages: PerDirection<UInt64>? = nil, report: FactValue
    ) {
        self.name = name
        self.words = words
        self.messages = messages
        self.report = report
    }

    public init(_ facts: any SessionFacts) {
        name = facts.name
        words = facts.words
        messages = facts.messages
        report = facts.report
    }
}
