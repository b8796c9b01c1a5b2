// What all conversations of one analyzer share: options, counters, and scratch space that is used over and over.

import Ground

/// Shared by the conversations of one analyzer; never by two threads.
final class AnalysisContext {
    let options: AnalyzerOptions
    let limits: SharedLimits
    let output: any AnalyzerOutput
    private let counterCell = UncheckedCell(TrafficCounters())
    let headCell: UncheckedCell<ParsedHead>
    /// Who was asked to use TLS.
    var demands: TLSDemands
    /// What all connections hold out of order, as `HeldSegment.cost` counts it.
    var heldBytes = 0
    /// What all conversations keep: see `KeptBytes`.
    var pendingBytes = 0
    let totalPendingBytes: Int
    let inflaterMemory: InflaterMemory
    /// Payload of messages that are being read for the transcript.
    var transcriptBytes = 0
    /// Time of the last packet read.
    var now = Timestamp(nanoseconds: 0)

    init(options: AnalyzerOptions, output: any AnalyzerOutput) {
        self.options = options
        demands = TLSDemands(seconds: options.demandSeconds)
        limits = SharedLimits(options.limits)
        totalPendingBytes = options.shard.share(of: options.limits.totalPendingBytes)
        inflaterMemory = InflaterMemory(limit: options.shard.share(of: options.limits.totalInflatingBytes))
        headCell = UncheckedCell(ParsedHead())
        self.output = output
    }

    var counters: TrafficCounters {
        @inline(__always) _read { yield counterCell.value }
        @inline(__always) _modify { yield &counterCell.value }
    }

    /// The head parsed last.
    var head: ParsedHead {
        @inline(__always) _read { yield headCell.value }
        @inline(__always) _modify { yield &headCell.value }
    }

    /// A limit cut something short.
    func hit(_ limit: String) { counters.limitsHit[limit, default: 0] += 1 }
}
