// libpcap, wrapped once: the one file that hands pointers to it. What comes out are names, numbers and spans.
//
// A handle is opened in steps, because each may fail for a reason of its own: created, told what is wanted, activated,
// filtered. Then packets are taken as they lie in the ring that the kernel shares with us; nothing is copied here. The
// handle never blocks: who reads waits on its descriptor, and can be woken by a signal.

internal import CPcap
import Glibc
public import Traffic

/// How an interface is opened.
public struct CaptureOptions: Sendable {
    /// Bytes of each packet that are kept.
    public var snapLength = 262_144
    /// Packets for others are taken as well.
    public var isPromiscuous = true
    /// Bytes that the kernel may hold until they are read.
    public var bufferBytes = 32 << 20
    /// The data link type by name, where the interface has several; empty for its own.
    public var linkType = ""
    /// What the kernel lets through, as libpcap reads it; empty for everything.
    public var filter = ""
    /// Times in nanoseconds; otherwise in microseconds.
    public var hasNanoseconds = true
    public init() {}
}

/// An opened interface.
@safe
public final class PacketSource {
    private let handle: OpaquePointer
    public let interface: RecordedInterface
    private let nanosecondsPerTick: Int64
    private let reader = Reader()
    private var total = InterfaceStatistics()
    private var seen = pcap_stat()

    /// Opens the interface of that name.
    public init(interface name: String, options: CaptureOptions) throws(CaptureFailure) {
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard let handle = unsafe pcap_create(name, &message) else {
            throw CaptureFailure(.unavailable, "\(name): \(Pcap.text(message))")
        }
        unsafe self.handle = handle
        _ = unsafe pcap_set_snaplen(handle, Int32(clamping: options.snapLength))
        _ = unsafe pcap_set_promisc(handle, options.isPromiscuous ? 1 : 0)
        _ = unsafe pcap_set_timeout(handle, 100)
        _ = unsafe pcap_set_buffer_size(handle, Int32(clamping: options.bufferBytes))
        let precision = options.hasNanoseconds ? PCAP_TSTAMP_PRECISION_NANO : PCAP_TSTAMP_PRECISION_MICRO
        _ = unsafe pcap_set_tstamp_precision(handle, precision)
        let status = unsafe pcap_activate(handle)
        guard status >= 0 else {
            let failure = unsafe Pcap.failure(of: handle, name, status)
            unsafe pcap_close(handle)
            throw failure
        }
        nanosecondsPerTick = unsafe pcap_get_tstamp_precision(handle) == PCAP_TSTAMP_PRECISION_NANO ? 1 : 1000
        do throws(CaptureFailure) {
            try unsafe Pcap.setUp(handle, name, options)
        } catch {
            unsafe pcap_close(handle)
            throw error
        }
        let linkType = unsafe Pcap.linkType(ofDLT: pcap_datalink(handle))
        let description = Pcap.interfaces.first { $0.name == name }?.description ?? ""
        interface = RecordedInterface(
            name: name, description: description, linkType: linkType,
            snapLength: UInt32(clamping: unsafe pcap_snapshot(handle)), filter: options.filter)
        reader.linkType = linkType
        reader.nanosecondsPerTick = nanosecondsPerTick
    }

    deinit { unsafe pcap_close(handle) }

    /// Becomes readable when there are packets.
    public var descriptor: Int32 { unsafe pcap_get_selectable_fd(handle) }

    /// Hands on the packets that are there: their facts, without a number yet, and their bytes, which hold for the call.
    ///
    /// Ends before the next packet where `body` answers `false`.
    public func read(_ body: (CapturedPacket, Span<UInt8>) -> Bool) throws(CaptureFailure) {
        let count = withoutActuallyEscaping(body) { body -> Int32 in
            reader.body = body
            unsafe reader.handle = handle
            defer { reader.body = nil }
            // The reader outlives the call: it is a part of this object.
            let user = unsafe Unmanaged.passUnretained(reader).toOpaque().assumingMemoryBound(to: UInt8.self)
            return unsafe pcap_dispatch(handle, -1, takePacket, user)
        }
        guard count < 0, count != PCAP_ERROR_BREAK else { return }
        throw unsafe Pcap.failure(of: handle, interface.name, count)
    }

    /// What was counted since it was opened.
    ///
    /// libpcap counts in 32 bits: asked often enough, none of their turns is missed.
    public func statistics() -> InterfaceStatistics {
        var now = pcap_stat()
        guard unsafe pcap_stats(handle, &now) == 0 else { return total }
        total.received += UInt64(now.ps_recv &- seen.ps_recv)
        total.droppedByKernel += UInt64(now.ps_drop &- seen.ps_drop)
        total.droppedByInterface += UInt64(now.ps_ifdrop &- seen.ps_ifdrop)
        seen = now
        return total
    }
}

/// What the callback of libpcap is given.
@safe
private final class Reader {
    var body: ((CapturedPacket, Span<UInt8>) -> Bool)?
    var handle: OpaquePointer?
    var linkType: UInt32 = 1
    var nanosecondsPerTick: Int64 = 1
}

private let takePacket: pcap_handler = { user, header, bytes in
    guard let user = unsafe user, let header = unsafe header?.pointee, let bytes = unsafe bytes else { return }
    let reader = unsafe Unmanaged<Reader>.fromOpaque(user).takeUnretainedValue()
    guard let body = reader.body else { return }
    let time = Int64(header.ts.tv_sec) &* 1_000_000_000 &+ Int64(header.ts.tv_usec) &* reader.nanosecondsPerTick
    let packet = CapturedPacket(
        number: 0, time: Timestamp(nanoseconds: time), linkType: reader.linkType, interface: 0,
        range: 0..<Int(header.caplen), originalLength: header.len)
    // libpcap answers for `caplen` bytes at `bytes` until this function returns.
    let span = unsafe Span(_unsafeStart: bytes, count: Int(header.caplen))
    if !body(packet, span), let handle = unsafe reader.handle { unsafe pcap_breakloop(handle) }
}

/// A filter for packets that come from a file: compiled anew for each link type.
@safe
public final class CaptureFilter {
    private let expression: String
    private var programs: [UInt32: bpf_program?] = unsafe [:]

    /// Fails where no link type has a meaning for the expression.
    public init(_ expression: String) throws(CaptureFailure) {
        self.expression = expression
        // Ethernet, raw IP, Linux cooked, 802.11, PPP.
        var failure = ""
        for linkType: UInt32 in [1, 101, 113, 276, 105, 127, 9] {
            let (program, message) = unsafe Self.compile(expression, linkType)
            if let program = unsafe program {
                unsafe programs[linkType] = unsafe program
                return
            }
            if failure.isEmpty { failure = message }
        }
        throw CaptureFailure(.usage, "the filter '\(expression)' cannot be used: \(failure)")
    }

    deinit {
        let linkTypes = unsafe Array(programs.keys)
        for linkType in linkTypes {
            if var program = unsafe programs[linkType] ?? nil { unsafe pcap_freecode(&program) }
        }
    }

    /// Whether the filter lets the packet through; none of a link type for which it has no meaning.
    public func matches(_ packet: CapturedPacket, _ bytes: Span<UInt8>) -> Bool {
        if unsafe programs[packet.linkType] == nil {
            unsafe programs[packet.linkType] = unsafe .some(Self.compile(expression, packet.linkType).program)
        }
        guard var program = unsafe programs[packet.linkType] ?? nil else { return false }
        var header = pcap_pkthdr()
        header.caplen = UInt32(clamping: bytes.count)
        header.len = max(packet.originalLength, header.caplen)
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            // An empty packet has no address; a program must be given one all the same.
            var nothing: UInt8 = 0
            guard let base = buffer.baseAddress else {
                return unsafe pcap_offline_filter(&program, &header, &nothing) != 0
            }
            return unsafe pcap_offline_filter(&program, &header, base) != 0
        }
    }

    private static func compile(_ expression: String, _ linkType: UInt32) -> (program: bpf_program?, message: String) {
        guard let handle = unsafe pcap_open_dead(Pcap.dlt(ofLinkType: linkType), 262_144) else {
            return (nil, "out of memory")
        }
        defer { unsafe pcap_close(handle) }
        var program = unsafe bpf_program()
        guard unsafe pcap_compile(handle, &program, expression, 1, bpf_u_int32.max) == 0 else {
            return unsafe (nil, String(cString: pcap_geterr(handle)))
        }
        return unsafe (program, "")
    }
}

/// Questions to libpcap, and its answers in words.
public enum Pcap {
    /// What can be listened on, in libpcap's order.
    public static var interfaces: [NetworkInterface] {
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        var list: UnsafeMutablePointer<pcap_if_t>?
        guard unsafe pcap_findalldevs(&list, &message) == 0 else { return [] }
        defer { unsafe pcap_freealldevs(list) }
        var interfaces: [NetworkInterface] = []
        var next = unsafe list
        while let one = unsafe next {
            unsafe interfaces.append(interface(one.pointee))
            unsafe next = unsafe one.pointee.next
        }
        return interfaces
    }

    private static func interface(_ device: pcap_if_t) -> NetworkInterface {
        var addresses: [String] = []
        var next = unsafe device.addresses
        while let address = unsafe next {
            if let sockaddr = unsafe address.pointee.addr, let text = unsafe self.text(of: sockaddr) {
                addresses.append(text)
            }
            unsafe next = unsafe address.pointee.next
        }
        let flags = unsafe Int32(bitPattern: device.flags)
        let connection = flags & PCAP_IF_CONNECTION_STATUS
        return unsafe NetworkInterface(
            name: device.name.map { unsafe String(cString: $0) } ?? "",
            description: device.description.map { unsafe String(cString: $0) } ?? "",
            addresses: addresses.filter { !$0.contains(":") } + addresses.filter { $0.contains(":") },
            isUp: flags & PCAP_IF_UP != 0, isRunning: flags & PCAP_IF_RUNNING != 0,
            isLoopback: flags & PCAP_IF_LOOPBACK != 0, isWireless: flags & PCAP_IF_WIRELESS != 0,
            isConnected: connection == PCAP_IF_CONNECTION_STATUS_CONNECTED
                ? true : connection == PCAP_IF_CONNECTION_STATUS_DISCONNECTED ? false : nil)
    }

    /// An IP address as text; `nil` for addresses of other kinds.
    private static func text(of address: UnsafePointer<sockaddr>) -> String? {
        let family = unsafe Int32(address.pointee.sa_family)
        guard family == AF_INET || family == AF_INET6 else { return nil }
        let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let status = unsafe getnameinfo(
            address, socklen_t(length), &host, socklen_t(host.count), nil, 0, NI_NUMERICHOST)
        return status == 0 ? text(host) : nil
    }

    /// The data link types an interface can be opened with: name and description.
    public static func linkTypes(of name: String) throws(CaptureFailure) -> [(name: String, description: String)] {
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard let handle = unsafe pcap_create(name, &message) else {
            throw CaptureFailure(.unavailable, "\(name): \(text(message))")
        }
        defer { unsafe pcap_close(handle) }
        let status = unsafe pcap_activate(handle)
        guard status >= 0 else { throw unsafe failure(of: handle, name, status) }
        var list: UnsafeMutablePointer<Int32>?
        let count = unsafe pcap_list_datalinks(handle, &list)
        guard count >= 0, let list = unsafe list else { throw unsafe failure(of: handle, name, count) }
        defer { unsafe pcap_free_datalinks(list) }
        return (0..<Int(count)).map { index in
            // Below the count that libpcap gave.
            let number = unsafe list[index]
            let name = unsafe pcap_datalink_val_to_name(number).map { unsafe String(cString: $0) } ?? "\(number)"
            let words = unsafe pcap_datalink_val_to_description(number).map { unsafe String(cString: $0) } ?? ""
            return (name, words)
        }
    }

    /// Link type, filter and mode of a handle that was activated.
    fileprivate static func setUp(
        _ handle: OpaquePointer, _ name: String, _ options: CaptureOptions
    ) throws(CaptureFailure) {
        if !options.linkType.isEmpty {
            let number = unsafe pcap_datalink_name_to_val(options.linkType)
            guard number >= 0, unsafe pcap_set_datalink(handle, number) == 0 else {
                throw CaptureFailure(.usage, "\(name) cannot be opened as \(options.linkType); -L lists what it can")
            }
        }
        if !options.filter.isEmpty {
            var program = unsafe bpf_program()
            guard unsafe pcap_compile(handle, &program, options.filter, 1, bpf_u_int32.max) == 0 else {
                let reason = unsafe String(cString: pcap_geterr(handle))
                throw CaptureFailure(.usage, "the filter '\(options.filter)' cannot be used: \(reason)")
            }
            defer { unsafe pcap_freecode(&program) }
            guard unsafe pcap_setfilter(handle, &program) == 0 else {
                throw CaptureFailure(.unavailable, "\(name): \(unsafe String(cString: pcap_geterr(handle)))")
            }
        }
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard unsafe pcap_setnonblock(handle, 1, &message) == 0 else {
            throw CaptureFailure(.unavailable, "\(name): \(text(message))")
        }
    }

    fileprivate static func failure(of handle: OpaquePointer, _ name: String, _ status: Int32) -> CaptureFailure {
        switch status {
        case PCAP_ERROR_PERM_DENIED, PCAP_ERROR_PROMISC_PERM_DENIED:
            return CaptureFailure(.notPermitted, "\(name): listening needs the capability CAP_NET_RAW")
        case PCAP_ERROR_NO_SUCH_DEVICE:
            return CaptureFailure(.unavailable, "\(name): there is no such interface; -D lists them")
        case PCAP_ERROR_IFACE_NOT_UP:
            return CaptureFailure(.unavailable, "\(name): the interface is down")
        default:
            let said = unsafe String(cString: pcap_geterr(handle))
            let words = said.isEmpty ? unsafe String(cString: pcap_statustostr(status)) : said
            return CaptureFailure(.unavailable, "\(name): \(words)")
        }
    }

    fileprivate static func text(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The LINKTYPE_ number of files for a DLT_ number of this system; they differ below 104 only.
    fileprivate static func linkType(ofDLT number: Int32) -> UInt32 {
        switch number {
        case 11: 100
        case 12, 14: 101
        case 15: 102
        case 16: 103
        case 19: 106
        default: UInt32(bitPattern: number)
        }
    }

    /// And back.
    fileprivate static func dlt(ofLinkType number: UInt32) -> Int32 {
        switch number {
        case 100: 11
        case 101: 12
        case 102: 15
        case 103: 16
        case 106: 19
        default: Int32(truncatingIfNeeded: number)
        }
    }
}
