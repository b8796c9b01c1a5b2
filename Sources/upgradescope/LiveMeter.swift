// `--metrics`: the counts of the session for Prometheus. What is served was counted by the thread that captures and is
// handed over a few times a second; who asks for it waits for nobody.

import Inspection
import Investigation
import LiveCapture
import Metrics
import Traffic

final class LiveMeter: LiveObserver {
    private let server: MetricsServer
    private var traffic = TrafficMetrics(version: toolVersion)

    init(_ address: MetricsAddress) throws {
        server = try MetricsServer(address)
        server.publish(traffic.families)
    }

    /// Where it listens.
    var address: String { server.address }

    func stop() { server.stop() }

    let messageBytes: Int? = nil

    func receive(_ event: InvestigationEvent) {
        switch event {
        case .finished(let exchange, let judgement): traffic.finished(exchange, findings: judgement.findings)
        case .ended(_, let findings): traffic.found(findings)
        case .started, .unreadable, .undivided, .began, .decided, .said, .batchRead, .read, .reported: break
        }
    }

    func refresh(_ session: LiveSession) {
        let counters = session.counters
        traffic.packets = session.packets
        traffic.bytes = session.bytes
        traffic.kernelDrops = UInt64(session.statistics.droppedByKernel)
        traffic.interfaceDrops = UInt64(session.statistics.droppedByInterface)
        traffic.connections = counters.connections
        traffic.openConnections = session.openConnections
        traffic.encryptedConnections = counters.encryptedConnections
        traffic.requests = counters.requests
        traffic.openExchanges = Int(clamping: counters.exchanges - min(counters.exchanges, session.judge.exchanges))
        traffic.gapBytes = counters.gapBytes
        traffic.limitsHit = counters.limitsHit
        if let recorder = session.recorder {
            traffic.recordedBytes = UInt64(clamping: recorder.counts.bytes)
            traffic.lostPackets = recorder.counts.lost
        }
        server.publish(traffic.families)
    }
}
