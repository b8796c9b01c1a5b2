/// The latest values; older ones make room.
public struct Ring<Element: Sendable>: Sendable {
    private var storage: [Element] = []
    private var start = 0
    let capacity: Int

    init(capacity: Int) { self.capacity = max(1, capacity) }

    public var count: Int { storage.count }
    public var isEmpty: Bool { storage.isEmpty }

    /// From the oldest, 0, to the latest.
    public subscript(index: Int) -> Element { storage[(start + index) % storage.count] }

    /// What had to make room.
    @discardableResult
    mutating func append(_ element: Element) -> Element? {
        guard storage.count == capacity else {
            storage.append(element)
            return nil
        }
        let old = storage[start]
        storage[start] = element
        start = (start + 1) % capacity
        return old
    }

    mutating func removeAll() {
        storage.removeAll()
        start = 0
    }
}
