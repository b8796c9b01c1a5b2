// zlib's deflate for one direction of a session: raw DEFLATE, ended as RFC 7692 7.2.1 wants a message to end.
//
// The only file of this module that touches memory by pointer. The stream lives at one address of its own, because zlib
// keeps a pointer back to it, and is ended when the object goes.

import CZlib

/// Compresses the messages of one direction.
@safe
final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let isReady: Bool

    /// `windowBits` 9 to 15: how far a message may refer back.
    init(windowBits: Int, level: Int = 6) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // Less memory than zlib's own choice: thousands of sessions may have one each.
        let memoryLevel: Int32 = 5
        isReady =
            unsafe deflateInit2_(
                stream, Int32(level), Z_DEFLATED, -Int32(min(15, max(9, windowBits))), memoryLevel,
                Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit {
        if isReady { unsafe deflateEnd(stream) }
        unsafe stream.deinitialize(count: 1)
        unsafe stream.deallocate()
    }

    /// Forgets the messages before.
    func reset() { if isReady { unsafe deflateReset(stream) } }

    /// One message, without the four bytes at its end that RFC 7692 leaves out; `nil` when zlib fails.
    func compress(_ message: [UInt8]) -> [UInt8]? {
        guard isReady, message.count <= Int(UInt32.max) else { return nil }
        var input = message
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        var position = 0
        while true {
            let (result, taken, produced) = unsafe input.withUnsafeMutableBufferPointer { source in
                unsafe chunk.withUnsafeMutableBufferPointer { target in
                    // `position` never exceeds the count: both pointers stay inside their arrays.
                    unsafe stream.pointee.next_in = source.baseAddress?.advanced(by: position)
                    unsafe stream.pointee.avail_in = UInt32(source.count - position)
                    unsafe stream.pointee.next_out = target.baseAddress
                    unsafe stream.pointee.avail_out = UInt32(target.count)
                    let result = unsafe deflate(stream, Z_SYNC_FLUSH)
                    return unsafe (
                        result, source.count - position - Int(stream.pointee.avail_in),
                        target.count - Int(stream.pointee.avail_out)
                    )
                }
            }
            guard result == Z_OK || result == Z_BUF_ERROR else { return nil }
            position += taken
            output += chunk[0..<produced]
            // Room left over: everything was flushed.
            if produced < chunk.count { break }
        }
        if output.suffix(4) == [0, 0, 0xff, 0xff] { output.removeLast(4) }
        return output.isEmpty ? [0] : output
    }
}
