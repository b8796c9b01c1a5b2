// Packets of connections of which nobody knows yet whether they will carry an exchange.
//
// They are kept as the blocks they will be written as, the first of them (the TCP handshake) apart: those stay. Of the
// others the oldest are let go when a connection has more than its limit, or all together more than theirs. What
// belongs to no connection at all is left out at once, except the parts of a datagram that is not whole yet.

import Traffic

struct HeldPackets {
    /// Bytes that are held.
    private(set) var bytes = 0
    private(set) var letGo: UInt64 = 0
    private(set) var leftOut: UInt64 = 0

    private let limit: Int
    private let totalLimit: Int
    private var waiting: [UInt64: Waiting] = [:]
    private var datagrams: [UInt64: Waiting] = [:]
    /// Datagrams in the order their first parts came.
    private var datagramOrder: [UInt64] = []
    /// Connections that carry one, for their copies in other VLANs and tunnels.
    private var carrying: Set<UInt64> = []

    private struct Waiting {
        var opening = PcapngWriter()
        var writer = PcapngWriter()
        /// Where the oldest block that was not let go begins.
        var start = 0
        var packets: UInt64 = 0
        var letGo: UInt64 = 0

        var count: Int { opening.bytes.count + writer.bytes.count - start }

        /// Lets the oldest packet go that is not part of the opening; `false` when there is none.
        mutating func dropOldest() -> Bool {
            guard start < writer.bytes.count else { return false }
            start += PcapngWriter.lengthOfBlock(in: writer.bytes, at: start)
            packets -= 1
            letGo += 1
            if start * 2 > writer.bytes.count {
                writer.bytes.removeFirst(start)
                start = 0
            }
            return true
        }
    }

    init(limit: Int, totalLimit: Int) {
        self.limit = limit
        self.totalLimit = totalLimit
    }

    /// Takes a packet; gives what is to be written now to `writer`, and answers how many packets that are.
    mutating func take(
        _ packet: CapturedPacket, _ span: Span<UInt8>, owner: PacketOwner, into writer: inout PcapngWriter
    ) -> UInt64 {
        switch owner {
        case .nobody:
            leftOut += 1
            return 0
        case .datagram(let number):
            hold(part: packet, span, of: number)
            return 0
        case .connection(let status):
            return take(packet, span, status, into: &writer)
        }
    }

    private mutating func take(
        _ packet: CapturedPacket, _ span: Span<UInt8>, _ status: ConnectionStatus, into writer: inout PcapngWriter
    ) -> UInt64 {
        let carries = status.carriesExchange || status.copyOf.map { carrying.contains($0) } ?? false
        if carries {
            var count = release(status.id, into: &writer)
            if let number = status.datagram, let parts = takeDatagram(number) {
                writer.bytes += parts.writer.bytes
                count += parts.packets
            }
            writer.packet(span, time: packet.time, originalLength: packet.originalLength)
            return count + 1
        }
        guard status.mayCarryExchange || status.copyOf != nil else {
            leftOut += 1
            if let number = status.datagram { leftOut += takeDatagram(number)?.packets ?? 0 }
            forget(status.id)
            return 0
        }
        hold(packet, span, status)
        return 0
    }

    private mutating func hold(_ packet: CapturedPacket, _ span: Span<UInt8>, _ status: ConnectionStatus) {
        let parts = status.datagram.flatMap { takeDatagram($0) }
        let (limit, room) = (limit, totalLimit - bytes)
        /// Adds the packet to what is held of its connection; answers by how much that grew.
        func add(_ held: inout Waiting) -> Int {
            let before = held.count
            if let parts {
                held.writer.bytes += parts.writer.bytes
                held.packets += parts.packets
            }
            if !status.hasSpoken, held.opening.bytes.count < Self.openingLimit {
                held.opening.packet(span, time: packet.time, originalLength: packet.originalLength)
            } else {
                held.writer.packet(span, time: packet.time, originalLength: packet.originalLength)
            }
            held.packets += 1
            while held.count > limit || held.count - before > room, held.dropOldest() {}
            return held.count - before
        }
        bytes += add(&waiting[status.id, default: Waiting()])
    }

    /// What is held of a connection is to be written.
    private mutating func release(_ connection: UInt64, into writer: inout PcapngWriter) -> UInt64 {
        guard carrying.insert(connection).inserted, let held = waiting.removeValue(forKey: connection) else { return 0 }
        bytes -= held.count
        letGo += held.letGo
        writer.bytes += held.opening.bytes
        writer.bytes += held.writer.bytes[held.start...]
        return held.packets
    }

    /// The connection is over, or will carry no exchange.
    mutating func forget(_ connection: UInt64) {
        carrying.remove(connection)
        guard let held = waiting.removeValue(forKey: connection) else { return }
        bytes -= held.count
        leftOut += held.packets + held.letGo
    }

    mutating func forgetAll() {
        for connection in Array(waiting.keys) { forget(connection) }
        for number in datagramOrder { leftOut += takeDatagram(number)?.packets ?? 0 }
        datagramOrder = []
    }

    /// Packets before the first payload that are kept in any case: room for a handshake and its repetitions.
    private static var openingLimit: Int { 2048 }

    // MARK: Parts of datagrams

    private static var datagramLimit: Int { 1024 }

    private mutating func hold(part packet: CapturedPacket, _ span: Span<UInt8>, of number: UInt64) {
        if datagrams[number] == nil {
            datagramOrder.append(number)
            if datagramOrder.count > Self.datagramLimit {
                leftOut += takeDatagram(datagramOrder.removeFirst())?.packets ?? 0
            }
        }
        let before = datagrams[number]?.count ?? 0
        datagrams[number, default: Waiting()].writer.packet(
            span, time: packet.time, originalLength: packet.originalLength)
        datagrams[number]?.packets += 1
        bytes += (datagrams[number]?.count ?? 0) - before
        while bytes > totalLimit, let oldest = datagramOrder.first {
            datagramOrder.removeFirst()
            leftOut += takeDatagram(oldest)?.packets ?? 0
        }
    }

    private mutating func takeDatagram(_ number: UInt64) -> Waiting? {
        guard let parts = datagrams.removeValue(forKey: number) else { return nil }
        bytes -= parts.count
        return parts
    }
}
