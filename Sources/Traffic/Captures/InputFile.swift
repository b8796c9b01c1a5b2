// The bytes of a capture, from wherever they come: a file, a pipe, memory, and through gzip or zstd.
//
// This is the one file of the capture readers with unchecked memory in it: file descriptors, read(2), inflate and
// zstd. Everything above it sees an array that was filled up to a count. Nothing is mapped: a mapped file that shrinks
// kills the process, and a pipe cannot be mapped. A decoder writes straight into the reader's window, so compressed
// input holds one buffer of compressed bytes more, whatever its size.

import CZlib
import CZstd
import Glibc

/// A source of bytes that is read once, from front to back.
struct InputFile: ~Copyable {
    /// What one read brought.
    enum Outcome {
        /// That many bytes, at least one.
        case bytes(Int)
        case end
        /// A signal came while waiting, and nobody waits any more.
        case stopped
        /// Nothing more can be had; `kind` is a word of `CaptureProblem`.
        case failed(kind: String, message: String)
    }

    /// -1 for bytes in memory alone.
    private let descriptor: Int32
    private let closesDescriptor: Bool
    /// What comes first.
    private var memory: [UInt8]
    private var memoryPosition = 0
    /// The most that one read of memory brings, to play a slow pipe.
    private let memoryChunk: Int
    private var decoder: (any StreamDecoder)?
    /// Asked when a signal interrupts a read: whether to stop waiting.
    private let isStopped: @Sendable () -> Bool
    /// Bytes read so far, before they are unpacked.
    private(set) var bytesRead: Int64 = 0

    /// Opens the file at `path`; "-" is standard input, of which `first` was read already.
    init(
        path: String, first: [UInt8] = [], isStopped: @escaping @Sendable () -> Bool = { false }
    ) throws(CaptureError) {
        if path == "-" {
            guard isatty(STDIN_FILENO) == 0 else {
                throw CaptureError(.unreadable, path: path, "standard input is a terminal: pipe a capture into it")
            }
            self.init(descriptor: STDIN_FILENO, closes: false, memory: first, chunk: .max, isStopped: isStopped)
            return
        }
        let opened = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard opened >= 0 else { throw Self.openingError(errno, path: path) }
        var status = stat()
        if unsafe fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            close(opened)
            throw CaptureError(.isDirectory, path: path, "\(path) is a directory")
        }
        self.init(descriptor: opened, closes: true, memory: [], chunk: 0, isStopped: isStopped)
    }

    /// Bytes in memory, handed out in pieces of at most `chunk`.
    init(bytes: [UInt8], chunk: Int = .max) {
        self.init(descriptor: -1, closes: false, memory: bytes, chunk: max(1, chunk))
    }

    private init(
        descriptor: Int32, closes: Bool, memory: [UInt8], chunk: Int,
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) {
        self.isStopped = isStopped
        self.descriptor = descriptor
        closesDescriptor = closes
        self.memory = memory
        memoryChunk = chunk
    }

    deinit {
        if closesDescriptor { close(descriptor) }
    }

    /// From here on the bytes are compressed; `first` are those that were read already.
    mutating func decompress(_ compression: Compression, first: [UInt8]) {
        switch compression {
        case .gzip: decoder = GzipDecoder(first: first)
        case .zstd: decoder = ZstdDecoder(first: first)
        }
    }

    /// Reads once into `buffer` from index `start` on, as much as there is room for.
    mutating func read(into buffer: inout [UInt8], from start: Int) -> Outcome {
        guard let decoder else { return readRaw(into: &buffer, from: start) }
        while true {
            switch decoder.decode(into: &buffer, from: start) {
            case .produced(let count): return .bytes(count)
            case .failed(let message): return .failed(kind: "damaged", message: message)
            case .starved:
                switch readRaw(into: &decoder.input, from: 0) {
                case .bytes(let count): decoder.refilled(count)
                case .end:
                    guard decoder.betweenStreams else {
                        return .failed(
                            kind: "cut", message: "the \(decoder.compression.rawValue) data ends before it is complete")
                    }
                    return .end
                case .stopped: return .stopped
                case .failed(let kind, let message): return .failed(kind: kind, message: message)
                }
            }
        }
    }

    private mutating func readRaw(into buffer: inout [UInt8], from start: Int) -> Outcome {
        guard start >= 0, start < buffer.count else { return .failed(kind: "unsupported", message: "no room to read") }
        let count = min(buffer.count - start, memory.count - memoryPosition, memoryChunk)
        if count > 0 {
            buffer.replaceSubrange(start..<start + count, with: memory[memoryPosition..<memoryPosition + count])
            memoryPosition += count
            if descriptor >= 0 { bytesRead += Int64(count) }
            return .bytes(count)
        }
        guard descriptor >= 0 else { return .end }
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { bytes in
                // In bounds: start < count was checked above.
                unsafe Glibc.read(descriptor, bytes.baseAddress?.advanced(by: start), bytes.count - start)
            }
            if count > 0 {
                bytesRead += Int64(count)
                return .bytes(count)
            }
            if count == 0 { return .end }
            switch errno {
            case EINTR: if isStopped() { return .stopped }
            case EAGAIN:
                var waited = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                if unsafe poll(&waited, 1, -1) < 0, isStopped() { return .stopped }
            case let code: return .failed(kind: "cut", message: "reading failed: \(Self.words(code))")
            }
        }
    }

    /// Moves the bytes in `range` to the front of `buffer`.
    static func moveToFront(_ range: Range<Int>, of buffer: inout [UInt8]) {
        guard range.lowerBound > 0, !range.isEmpty, range.upperBound <= buffer.count else { return }
        unsafe buffer.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            // In bounds: the range was checked to lie in the buffer.
            unsafe memmove(base, base.advanced(by: range.lowerBound), range.count)
        }
    }

    /// What stands in a directory: names, and whether each is a directory itself.
    ///
    /// The names "." and ".." are left out. A link to a file counts as the file; a link to a directory is not followed.
    static func entries(inDirectory path: String) throws(CaptureError) -> [(name: String, isDirectory: Bool)] {
        guard let directory = unsafe opendir(path) else { throw openingError(errno, path: path) }
        defer { unsafe closedir(directory) }
        var entries: [(name: String, isDirectory: Bool)] = []
        while let entry = unsafe readdir(directory) {
            // d_name is terminated by a zero byte inside its array.
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            var status = stat()
            guard unsafe lstat("\(path)/\(name)", &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                entries.append((name, true))
                continue
            }
            // Pipes and devices would block the reader that tries them.
            guard unsafe stat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            entries.append((name, false))
        }
        return entries
    }

    private static func openingError(_ code: Int32, path: String) -> CaptureError {
        switch code {
        case ENOENT: CaptureError(.notFound, path: path, "\(path): no such file")
        case EACCES, EPERM: CaptureError(.notPermitted, path: path, "\(path): permission denied")
        case ENOTDIR: CaptureError(.notFound, path: path, "\(path): a part of this path is not a directory")
        default: CaptureError(.unreadable, path: path, "\(path): cannot be opened: \(words(code))")
        }
    }

    private static func words(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}

/// How a capture is packed.
enum Compression: String {
    case gzip, zstd

    /// Told by the first bytes, never by a name.
    init?(magic bytes: some Collection<UInt8>) {
        let first = Array(bytes.prefix(4))
        if first.starts(with: [0x1f, 0x8b]) {
            self = .gzip
        } else if first == [0x28, 0xb5, 0x2f, 0xfd] {
            self = .zstd
        } else if first.count == 4, first[0] & 0xf0 == 0x50, first.dropFirst().elementsEqual([0x2a, 0x4d, 0x18]) {
            // A skippable frame: parallel compressors begin with one.
            self = .zstd
        } else {
            return nil
        }
    }
}

/// What one step of decoding brought.
private enum DecodeStep {
    case produced(Int)
    /// All input is used up.
    case starved
    case failed(String)
}

/// A decompressor with its buffer of compressed bytes.
private protocol StreamDecoder: AnyObject {
    var compression: Compression { get }
    var input: [UInt8] { get set }
    /// Whether the input may end here.
    var betweenStreams: Bool { get }
    /// `input` was filled anew with that many bytes.
    func refilled(_ count: Int)
    func decode(into buffer: inout [UInt8], from start: Int) -> DecodeStep
}

private let compressedBufferSize = 64 * 1024

/// gzip: members one after the other, zero bytes allowed after the last.
@safe private final class GzipDecoder: StreamDecoder {
    let compression = Compression.gzip
    var input: [UInt8]
    private var position = 0
    private var filled: Int
    private var member = Member.betweenMembers
    /// zlib keeps a pointer to it, so that it has to stay where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private let ready: Bool

    private enum Member { case betweenMembers, inside, padding }

    init(first: [UInt8]) {
        input = first + [UInt8](repeating: 0, count: max(0, compressedBufferSize - first.count))
        filled = first.count
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 16: a gzip wrapper is expected, and its checksum verified.
        ready =
            unsafe inflateInit2_(
                stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        member = .inside
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    var betweenStreams: Bool { member != .inside }

    func refilled(_ count: Int) {
        position = 0
        filled = min(count, input.count)
    }

    func decode(into buffer: inout [UInt8], from start: Int) -> DecodeStep {
        guard ready else { return .failed("gzip could not be set up") }
        guard start >= 0, start < buffer.count else { return .failed("no room to decode into") }
        while true {
            if member != .inside {
                while position < filled, input[position] == 0 {
                    member = .padding
                    position += 1
                }
                guard position < filled else { return .starved }
                guard member == .betweenMembers, unsafe inflateReset(stream) == Z_OK else {
                    return .failed("bytes behind the end of the gzip data are not gzip")
                }
                member = .inside
            }
            guard position < filled else { return .starved }
            let room = min(buffer.count - start, Int(Int32.max))
            let available = filled - position
            let result = unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe buffer.withUnsafeMutableBufferPointer { target in
                    // In bounds: position < filled <= source.count, start < target.count.
                    unsafe stream.pointee.next_in = source.baseAddress?.advanced(by: position)
                    unsafe stream.pointee.avail_in = UInt32(available)
                    unsafe stream.pointee.next_out = target.baseAddress?.advanced(by: start)
                    unsafe stream.pointee.avail_out = UInt32(room)
                    return unsafe inflate(stream, Z_NO_FLUSH)
                }
            }
            position = filled - (unsafe Int(stream.pointee.avail_in))
            let produced = room - (unsafe Int(stream.pointee.avail_out))
            switch result {
            case Z_STREAM_END: member = .betweenMembers
            case Z_OK, Z_BUF_ERROR: break
            default:
                // What was decoded before the damage is handed out first; the next call meets it again.
                if produced > 0 { return .produced(produced) }
                guard let text = unsafe stream.pointee.msg else { return .failed("the gzip data is damaged") }
                return .failed("the gzip data is damaged: \(unsafe String(cString: text))")
            }
            if produced > 0 { return .produced(produced) }
        }
    }
}

/// zstd: frames one after the other, skippable ones among them.
@safe private final class ZstdDecoder: StreamDecoder {
    let compression = Compression.zstd
    var input: [UInt8]
    private var position = 0
    private var filled: Int
    /// The last call filled its whole output: the decoder may hold more without any input.
    private var mayHoldMore = false
    private(set) var betweenStreams = false
    private let context: OpaquePointer?

    init(first: [UInt8]) {
        input = first + [UInt8](repeating: 0, count: max(0, compressedBufferSize - first.count))
        filled = first.count
        unsafe context = ZSTD_createDCtx()
        // Windows above 128 MiB, the library's own ceiling, stay refused: memory is bounded by it.
    }

    deinit { unsafe ZSTD_freeDCtx(context) }

    func refilled(_ count: Int) {
        position = 0
        filled = min(count, input.count)
    }

    func decode(into buffer: inout [UInt8], from start: Int) -> DecodeStep {
        guard let context = unsafe context else { return .failed("zstd could not be set up") }
        guard start >= 0, start < buffer.count else { return .failed("no room to decode into") }
        while position < filled || mayHoldMore {
            let available = filled - position
            let room = buffer.count - start
            var used = 0
            var produced = 0
            let result = unsafe input.withUnsafeBufferPointer { source in
                unsafe buffer.withUnsafeMutableBufferPointer { target in
                    // In bounds: position <= filled <= source.count, start < target.count.
                    var from = unsafe ZSTD_inBuffer(
                        src: source.baseAddress?.advanced(by: position), size: available, pos: 0)
                    var to = unsafe ZSTD_outBuffer(
                        dst: target.baseAddress?.advanced(by: start), size: room, pos: 0)
                    let result = unsafe ZSTD_decompressStream(context, &to, &from)
                    used = unsafe from.pos
                    produced = unsafe to.pos
                    return result
                }
            }
            position += used
            if ZSTD_isError(result) != 0 {
                if produced > 0 { return .produced(produced) }
                guard let text = unsafe ZSTD_getErrorName(result) else { return .failed("the zstd data is damaged") }
                return .failed("the zstd data is damaged: \(unsafe String(cString: text))")
            }
            betweenStreams = result == 0
            mayHoldMore = produced == room && result != 0
            if produced > 0 { return .produced(produced) }
            // Neither input taken nor output made: without this a hostile frame could keep the loop turning.
            if used == 0 && position < filled { return .failed("the zstd data is damaged: no progress") }
        }
        return .starved
    }
}
