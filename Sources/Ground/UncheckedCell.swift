// A value on the heap, reached without the run-time check of exclusive access.
//
// The stored properties of a class are checked each time they are read or changed; for state that every packet
// touches, that is more work than the reading. A cell has one owner, which calls it from one thread and never from
// inside a change of its own: then there is nothing to check (The Swift Programming Language, Memory Safety).

/// One value, owned; whoever holds the cell may change it.
@safe public struct UncheckedCell<Value: ~Copyable>: ~Copyable {
    @usableFromInline let pointer: UnsafeMutablePointer<Value>

    /// Takes the value over.
    @inlinable
    public init(_ value: consuming Value) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: value)
    }

    @inlinable
    deinit {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }

    /// The value itself; while it is being changed, nobody may reach the same cell.
    @inlinable
    public var value: Value {
        @inline(__always) _read { yield unsafe pointer.pointee }
        @inline(__always) nonmutating _modify { yield unsafe &pointer.pointee }
    }

    /// Calls `body` with the value; `body` must not reach the same cell.
    @inlinable @inline(__always)
    public func with<Result>(_ body: (inout Value) -> Result) -> Result { unsafe body(&pointer.pointee) }
}
