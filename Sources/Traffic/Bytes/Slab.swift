// Elements one behind the other, owned by one holder.
//
// An array asks each time it is changed whether somebody else holds it too, and is copied if so. What thousands of connections
// leave behind for every packet has one owner for good: there is nothing to ask, only the index to check.

/// Plain values in memory of their own.
@safe struct Slab<Element: BitwiseCopyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    private(set) var capacity: Int
    private(set) var count = 0

    /// Room for so many, before it is moved.
    init(capacity: Int) {
        self.capacity = max(capacity, 1)
        unsafe base = Self.room(for: self.capacity)
    }

    deinit { unsafe UnsafeMutableRawPointer(base).deallocate() }

    subscript(index: Int) -> Element {
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

    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { reserve(1) }
        unsafe (base + count).initialize(to: element)
        count += 1
    }

    /// Appends copies of all elements of a span.
    @inline(__always)
    mutating func append(_ elements: Span<Element>) {
        if capacity - count < elements.count { reserve(elements.count) }
        unsafe elements.withUnsafeBufferPointer { source in
            guard let from = source.baseAddress else { return }
            // Safe: there is room for as many behind the last one.
            unsafe (base + count).update(from: from, count: source.count)
        }
        count += elements.count
    }

    /// A copy of some of the elements.
    func array(_ range: Range<Int>) -> [Element] {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        return unsafe Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// The last element is no more.
    @inline(__always)
    mutating func removeLast() {
        precondition(count > 0)
        count -= 1
    }

    /// No element is left; the room stays.
    mutating func removeAll() { count = 0 }

    /// Memory that begins with a cache line: elements of 64 bytes lie in one each.
    private static func room(for count: Int) -> UnsafeMutablePointer<Element> {
        let size = MemoryLayout<Element>.stride.multipliedReportingOverflow(by: count)
        precondition(!size.overflow)
        return unsafe UnsafeMutableRawPointer.allocate(
            byteCount: size.partialValue, alignment: max(64, MemoryLayout<Element>.alignment)
        ).bindMemory(to: Element.self, capacity: count)
    }

    @inline(never)
    private mutating func reserve(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        let moved = unsafe Self.room(for: larger)
        unsafe moved.moveInitialize(from: base, count: count)
        unsafe UnsafeMutableRawPointer(base).deallocate()
        unsafe base = moved
        capacity = larger
    }
}
