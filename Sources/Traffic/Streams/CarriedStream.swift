// A stream inside another that counts its own bytes: records of a reader that carries streams are handed on here, with
// the packets that brought them and with what their sender had heard of this stream (`StreamMap`).

/// One inner stream, and who reads it.
final class CarriedStream {
    let stream: StreamID
    let reader: any ExchangeReader
    private var maps: PerDirection<StreamMap>

    /// `records` is how many of each direction are remembered.
    init(_ stream: StreamID, reader: any ExchangeReader, records: Int = 1024) {
        self.stream = stream
        self.reader = reader
        maps = PerDirection(both: StreamMap(limit: records))
    }

    /// Hands on what a whole record carried; `outer` is where it lies in the stream that carries it.
    @discardableResult
    func receive(
        _ bytes: Span<UInt8>, _ direction: Direction, outer: Range<Int64>, arrival: Arrival, last: Arrival
    ) -> StreamEffects {
        let offset = maps[direction].innerEnd
        let first = heard(arrival, direction)
        let last = heard(last, direction)
        maps[direction].add(outer: outer, carrying: Int64(bytes.count), arrival: first, last: last)
        return reader.receive(
            Chunk(bytes, direction, stream: stream, offset: offset, arrival: first, last: last))
    }

    /// A record that carried `count` bytes cannot be read.
    @discardableResult
    func lose(_ count: Int64, _ direction: Direction, outer: Range<Int64>, arrival: Arrival) -> StreamEffects {
        let from = maps[direction].innerEnd
        let mark = heard(arrival, direction)
        maps[direction].add(outer: outer, carrying: count, arrival: mark, last: mark)
        return reader.gap(Gap(stream: stream, direction: direction, from: from, to: from + count, arrival: mark))
    }

    /// The stream that carries this one was read up to `outer`, whatever it held.
    func read(_ direction: Direction, upTo outer: Int64) { maps[direction].readTo = outer }

    /// The client has received the server's bytes of the stream that carries this one up to `outer`.
    func acknowledged(upTo outer: Int64, arrival: Arrival) -> Bool {
        guard let inner = maps.server.heard(outer) else { return true }
        return reader.acknowledged(upTo: inner, arrival: arrival)
    }

    /// Where bytes of this stream lay in the one that carries it, and the packets that brought them.
    func outer(of place: Place) -> (range: Range<Int64>, first: Arrival, last: Arrival)? {
        maps[place.direction].outer(of: place.offset..<place.end)
    }

    /// A packet, with what its sender had received of this stream.
    private func heard(_ mark: Arrival, _ direction: Direction) -> Arrival {
        var mark = mark
        mark.heard = maps[direction.opposite].heard(mark.heard)
        return mark
    }
}
