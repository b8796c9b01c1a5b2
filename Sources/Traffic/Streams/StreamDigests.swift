// SHA-256 of each stream's contiguous bytes, for comparing reassembly with other tools (`--stream-digests`).

import Crypto
import Ground

final class StreamDigests {
    private var client = SHA256()
    private var server = SHA256()

    func update(_ bytes: Span<UInt8>, _ direction: Direction) {
        if direction == .client { client.update(data: bytes.array) } else { server.update(data: bytes.array) }
    }

    func value(_ direction: Direction) -> [UInt8] {
        Array(direction == .client ? client.finalize() : server.finalize())
    }
}
