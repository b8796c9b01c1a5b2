// One list of fields for writing and reading: a record goes through its fields once, and the coder writes each or reads
// into it. So no two fields can change places between the two ways.

import Traffic

/// Writes the fields it is given, or reads into them.
protocol FieldCoder {
    associatedtype Failure: Error
    /// Values are made here, and not only looked at.
    static var isReading: Bool { get }
    mutating func byte(_ value: inout UInt8) throws(Failure)
    mutating func flag(_ value: inout Bool) throws(Failure)
    mutating func unsigned(_ value: inout UInt64) throws(Failure)
    mutating func signed(_ value: inout Int64) throws(Failure)
    mutating func bytes(_ value: inout [UInt8]) throws(Failure)
    mutating func text(_ value: inout String) throws(Failure)
    /// How many things follow, each of at least one byte.
    mutating func count(_ value: inout Int) throws(Failure)
    /// A case of an enumeration.
    mutating func word<Word: RawRepresentable<UInt8>>(_ value: inout Word) throws(Failure)
    /// What was read makes sense.
    func check(_ makesSense: @autoclosure () -> Bool) throws(Failure)
}

/// What can be written and read field by field.
protocol Record {
    /// What is read into.
    static var blank: Self { get }
    /// Names each stored property once.
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure)
    static func code<Coder: FieldCoder>(list: inout [Self], _ coder: inout Coder) throws(Coder.Failure)
}

extension FieldCoder {
    mutating func callAsFunction(_ a: inout some Record) throws(Failure) { try a.code(&self) }
    mutating func callAsFunction(_ a: inout some Record, _ b: inout some Record) throws(Failure) {
        try a.code(&self)
        try b.code(&self)
    }
    mutating func callAsFunction(
        _ a: inout some Record, _ b: inout some Record, _ c: inout some Record
    ) throws(Failure) {
        try self(&a, &b)
        try c.code(&self)
    }
    mutating func callAsFunction(
        _ a: inout some Record, _ b: inout some Record, _ c: inout some Record, _ d: inout some Record
    ) throws(Failure) {
        try self(&a, &b)
        try self(&c, &d)
    }
    mutating func callAsFunction(
        _ a: inout some Record, _ b: inout some Record, _ c: inout some Record, _ d: inout some Record,
        _ e: inout some Record
    ) throws(Failure) {
        try self(&a, &b, &c, &d)
        try e.code(&self)
    }
    mutating func callAsFunction(
        _ a: inout some Record, _ b: inout some Record, _ c: inout some Record, _ d: inout some Record,
        _ e: inout some Record, _ f: inout some Record
    ) throws(Failure) {
        try self(&a, &b, &c, &d)
        try self(&e, &f)
    }

    mutating func optional<Value>(
        _ value: inout Value?, blank: Value, _ body: (inout Value, inout Self) throws(Failure) -> Void
    ) throws(Failure) {
        var isThere = value != nil
        try flag(&isThere)
        guard isThere else { return value = nil }
        var some = value ?? blank
        try body(&some, &self)
        if Self.isReading { value = some }
    }

    mutating func list<Element>(
        _ values: inout [Element], blank: Element, _ body: (inout Element, inout Self) throws(Failure) -> Void
    ) throws(Failure) {
        var count = values.count
        try self.count(&count)
        guard Self.isReading else {
            for var value in values { try body(&value, &self) }
            return
        }
        values.removeAll()
        values.reserveCapacity(min(count, 1024))
        for _ in 0..<count {
            var value = blank
            try body(&value, &self)
            values.append(value)
        }
    }
}

extension Record {
    static func code<Coder: FieldCoder>(list: inout [Self], _ coder: inout Coder) throws(Coder.Failure) {
        try coder.list(&list, blank: blank) { value, coder throws(Coder.Failure) in try value.code(&coder) }
    }
}

extension ByteWriter: FieldCoder {
    static var isReading: Bool { false }
    mutating func byte(_ value: inout UInt8) { byte(value) }
    mutating func flag(_ value: inout Bool) { flag(value) }
    mutating func unsigned(_ value: inout UInt64) { unsigned(value) }
    mutating func signed(_ value: inout Int64) { signed(value) }
    mutating func bytes(_ value: inout [UInt8]) { counted(value) }
    mutating func text(_ value: inout String) { text(value) }
    mutating func count(_ value: inout Int) { unsigned(UInt64(value)) }
    mutating func word<Word: RawRepresentable<UInt8>>(_ value: inout Word) { byte(value.rawValue) }
    func check(_ makesSense: @autoclosure () -> Bool) {}

    /// Writes all fields of a value.
    mutating func record<Value: Record>(_ value: Value) {
        var value = value
        value.code(&self)
    }
}

extension ByteReader: FieldCoder {
    static var isReading: Bool { true }
    mutating func byte(_ value: inout UInt8) throws(DecodingFailure) { value = try byte() }
    mutating func flag(_ value: inout Bool) throws(DecodingFailure) { value = try flag() }
    mutating func unsigned(_ value: inout UInt64) throws(DecodingFailure) { value = try unsigned() }
    mutating func signed(_ value: inout Int64) throws(DecodingFailure) { value = try signed() }
    mutating func bytes(_ value: inout [UInt8]) throws(DecodingFailure) { value = try counted() }
    mutating func text(_ value: inout String) throws(DecodingFailure) { value = try text() }
    mutating func count(_ value: inout Int) throws(DecodingFailure) { value = try count() }
    mutating func word<Word: RawRepresentable<UInt8>>(_ value: inout Word) throws(DecodingFailure) {
        guard let word = Word(rawValue: try byte()) else { throw DecodingFailure() }
        value = word
    }
    func check(_ makesSense: @autoclosure () -> Bool) throws(DecodingFailure) {
        if !makesSense() { throw DecodingFailure() }
    }

    /// Reads all fields of a value.
    mutating func record<Value: Record>(_ type: Value.Type = Value.self) throws(DecodingFailure) -> Value {
        var value = Value.blank
        try value.code(&self)
        return value
    }
}

// MARK: Single values

extension UInt8: Record {
    static var blank: UInt8 { 0 }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.byte(&self) }
    static func code<Coder: FieldCoder>(list: inout [UInt8], _ coder: inout Coder) throws(Coder.Failure) {
        try coder.bytes(&list)
    }
}

extension UInt64: Record {
    static var blank: UInt64 { 0 }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.unsigned(&self) }
}

/// A number whose range is checked.
protocol SmallNumber: Record, FixedWidthInteger {}

extension SmallNumber {
    static var blank: Self { 0 }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        var wide = UInt64(truncatingIfNeeded: self)
        try coder.unsigned(&wide)
        try coder.check(wide <= UInt64(Self.max))
        self = Self(truncatingIfNeeded: wide)
    }
}

extension UInt16: SmallNumber {}
extension UInt32: SmallNumber {}
/// A count, never less than zero.
extension Int: SmallNumber {}

extension Int64: Record {
    static var blank: Int64 { 0 }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.signed(&self) }
}

extension Bool: Record {
    static var blank: Bool { false }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.flag(&self) }
}

extension String: Record {
    static var blank: String { "" }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.text(&self) }
}

extension Range: Record where Bound: FixedWidthInteger {
    static var blank: Range { 0..<0 }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        var ends = (lower: Int64(lowerBound), upper: Int64(upperBound))
        try coder.signed(&ends.lower)
        try coder.signed(&ends.upper)
        try coder.check(0 <= ends.lower && ends.lower <= ends.upper && ends.upper <= Int64(Bound.max))
        self = Bound(truncatingIfNeeded: ends.lower)..<Bound(truncatingIfNeeded: ends.upper)
    }
}

/// A case that is known by its number.
protocol RecordWord: Record, RawRepresentable<UInt8> {}

extension RecordWord {
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) { try coder.word(&self) }
}

extension RecordWord where Self: CaseIterable {
    static var blank: Self { allCases[allCases.startIndex] }
}

// MARK: Several values

extension Optional: Record where Wrapped: Record {
    static var blank: Wrapped? { nil }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder.optional(&self, blank: .blank) { value, coder throws(Coder.Failure) in try value.code(&coder) }
    }
}

extension Array: Record where Element: Record {
    static var blank: [Element] { [] }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try Element.code(list: &self, &coder)
    }
}

extension InlineArray: Record where Element: Record {
    static var blank: Self { Self(repeating: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        for index in indices { try coder(&self[index]) }
    }
}

extension PerDirection: Record where Value: Record {
    static var blank: Self { Self(both: .blank) }
    mutating func code<Coder: FieldCoder>(_ coder: inout Coder) throws(Coder.Failure) {
        try coder(&client)
        try coder(&server)
    }
}
