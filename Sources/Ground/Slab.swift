// Elements one after the other, owned by one holder.
//
// An array asks each time it is changed whether somebody else holds it too, and is copied if so. What thousands of connections
// leave for every packet has one owner for good: there is nothing to ask, only the index to check.

/// Plain values in memory of their own.
@safe public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var room: Int
    @usableFromInline var used = 0

    /// How many there are.
    @inlinable public var count: Int { @inline(__always) get { used } }
    /// How many fit before all are moved.
    @inlinable public var capacity: Int { room }

    /// Room for so many, before it is moved.
    @inlinable
    public init(capacity: Int) {
        room = max(capacity, 1)
        unsafe base = Self.memory(for: room)
    }

    @inlinable
    deinit { unsafe UnsafeMutableRawPointer(base).deallocate() }

    /// The element at an index.
    @inlinable
    public subscript(index: Int) -> Element {
        @inline(__always) _read {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            // Safe: the first `count` are initialized.
            yield unsafe base[index]
        }
        @inline(__always) _modify {
            precondition(UInt(bitPattern: index) < UInt(bitPattern: count))
            yield unsafe &base[index]
        }
    }

    /// Appends an element.
    @inlinable @inline(__always)
    public mutating func append(_ element: Element) {
        if count == capacity { reserve(1) }
        unsafe (base + count).initialize(to: element)
        used += 1
    }

    /// Appends copies of all elements of a span.
    @inlinable @inline(__always)
    public mutating func append(_ elements: Span<Element>) {
        if capacity - count < elements.count { reserve(elements.count) }
        unsafe elements.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            // Safe: there is room for as many after the last one.
            unsafe (base + count).update(from: from, count: source.count)
        }
        used += elements.count
    }

    /// A copy of some of the elements.
    @inlinable
    public func array(_ range: Range<Int>) -> [Element] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// The last element is no more.
    @inlinable @inline(__always)
    public mutating func removeLast() {
        precondition(count > 0)
        used -= 1
    }

    /// No element is left; the room stays.
    @inlinable
    public mutating func removeAll() { used = 0 }

    /// Memory that begins with a cache line: elements of 64 bytes lie in one each.
    @inlinable
    static func memory(for count: Int) -> UnsafeMutablePointer<Element> {
        let size = MemoryLayout<Element>.stride.multipliedReportingOverflow(by: count)
        precondition(!size.overflow)
        return unsafe UnsafeMutableRawPointer.allocate(
            byteCount: size.partialValue, alignment: max(64, MemoryLayout<Element>.alignment)
        ).bindMemory(to: Element.self, capacity: count)
    }

    @inlinable @inline(never)
    mutating func reserve(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let moved = unsafe Self.memory(for: larger)
        unsafe moved.moveInitialize(from: base, count: count)
        unsafe UnsafeMutableRawPointer(base).deallocate()
        unsafe base = moved
        room = larger
    }
}
