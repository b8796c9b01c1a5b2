// What the conversations of one analyzer share beside `AnalysisContext`.

import Ground

/// Scratch space that is used over and over, counters, and who was asked to use TLS.
final class ConversationContext {
    private let headCell = UncheckedCell(ParsedHead())
    /// Requests and exchanges that were read.
    var requests: UInt64 = 0
    var exchanges: UInt64 = 0
    /// Who was asked to use TLS.
    var demands: TLSDemands

    init(demandSeconds: Int) { demands = TLSDemands(seconds: demandSeconds) }

    /// The head parsed last.
    var head: ParsedHead {
        @inline(__always) _read { yield headCell.value }
        @inline(__always) _modify { yield &headCell.value }
    }
}
