// What a capture says of itself, and what went wrong while reading it.

/// Why a capture could not be opened at all, as a sentence for the user.
public struct CaptureError: Error, Sendable, CustomStringConvertible {
    public enum Kind: Sendable { case notFound, notPermitted, isDirectory, noCaptures, notACapture, empty, unreadable }
    public var kind: Kind
    public var path: String
    public var message: String

    public init(_ kind: Kind, path: String, _ message: String) {
        self.kind = kind
        self.path = path
        self.message = message
    }
    public var description: String { message }
}

/// Damage met inside a capture: reading stopped or went on after it.
public struct CaptureProblem: Sendable, Equatable {
    /// One word: "cut", "damaged", "unknown-version", "unsupported".
    public var kind: String
    /// Byte offset in the (decompressed) capture.
    public var offset: Int64
    public var message: String
    public init(kind: String, offset: Int64, message: String) {
        self.kind = kind
        self.offset = offset
        self.message = message
    }
}

/// One interface of a capture.
public struct CaptureInterface: Sendable, Equatable {
    public var name = ""
    /// LINKTYPE_ value of the tcpdump.org registry.
    public var linkType: UInt32
    public var snapLength: UInt32
    public var filter = ""
    /// Packets dropped as written by the capturing program; `nil` when it did not say.
    public var drops: UInt64?
    /// Time units in a second (pcapng if_tsresol) and seconds to add (if_tsoffset).
    public var unitsPerSecond: UInt64 = 1_000_000
    public var secondsOffset: Int64 = 0
    public init(linkType: UInt32, snapLength: UInt32) {
        self.linkType = linkType
        self.snapLength = snapLength
    }
}

/// What is known of one capture when it has been read.
public struct CaptureDescription: Sendable {
    public var path: String
    /// "pcap" or "pcapng".
    public var format = ""
    /// "little" or "big", of the first section.
    public var byteOrder = "little"
    /// "s", "ms", "us", "ns" or a power such as "2^-20 s", of the first interface.
    public var resolution = "us"
    /// "gzip" or "zstd".
    public var compression: String?
    public var interfaces: [CaptureInterface] = []
    public var packets: UInt64 = 0
    /// Captured packet bytes, headers of the capture format not counted.
    public var bytes: UInt64 = 0
    public var firstPacket: Timestamp?
    public var lastPacket: Timestamp?
    /// Packets of which fewer bytes were kept than were on the wire.
    public var snappedPackets: UInt64 = 0
    /// Decryption secrets found (pcapng DSB): their number; contents stay in `secrets`.
    public var secrets: [[UInt8]] = []
    /// False when the capture was cut or damaged.
    public var complete = true
    public var problems: [CaptureProblem] = []
    public init(path: String) { self.path = path }
}

/// One packet of a capture; its bytes lie in the reader's window.
///
/// Thirty-two bytes: it is written and read for every packet there is.
public struct CapturedPacket: Sendable, BitwiseCopyable {
    public var time: Timestamp
    /// From 1, as Wireshark shows it.
    public var number: UInt32
    /// Length on the wire.
    public var originalLength: UInt32
    private var start: UInt32
    private var length: UInt32
    private let link: UInt16
    /// Index into the capture's interfaces.
    public var interface: UInt16

    /// A link type has 16 bits in every format, and no window is as large as 4 GiB.
    public init(
        number: UInt32, time: Timestamp, linkType: UInt32, interface: UInt16, range: Range<Int>, originalLength: UInt32
    ) {
        self.number = number
        self.time = time
        self.interface = interface
        self.originalLength = originalLength
        link = UInt16(truncatingIfNeeded: linkType)
        start = UInt32(truncatingIfNeeded: range.lowerBound)
        length = UInt32(truncatingIfNeeded: range.count)
    }

    public var linkType: UInt32 { UInt32(link) }

    /// Where its bytes lie in the window.
    public var range: Range<Int> {
        get { Int(start)..<(Int(start) + Int(length)) }
        set {
            start = UInt32(truncatingIfNeeded: newValue.lowerBound)
            length = UInt32(truncatingIfNeeded: newValue.count)
        }
    }
}
