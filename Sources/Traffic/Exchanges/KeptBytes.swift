// What conversations keep, counted over all of them.
//
// Each has its ceilings, but of a million connections that keep what one may keep no machine has the memory. So all
// together have one as well (`Limits.totalPendingBytes`). Where it is reached, the conversation that would keep more is
// given up: its exchanges are reported as they are, and name the limit.

/// The bytes that one conversation keeps.
struct KeptBytes {
    /// Heads of requests that wait for their answer and offer nothing.
    var requestBytes = 0
    /// An exchange came, went, or has another head.
    var headsChanged = false
    /// Heads of exchanges.
    private var headBytes = 0
    /// What of this conversation is in the context's sum.
    private var counted = 0

    /// Corrects the sum of all; whether it grew.
    @discardableResult
    mutating func count(_ bytes: Int, _ context: AnalysisContext) -> Bool {
        let grown = bytes - counted
        counted = bytes
        context.budget.pendingBytes += grown
        return grown > 0
    }

    mutating func countHeads(_ bytes: Int) {
        headsChanged = false
        headBytes = bytes
    }

    /// What is kept in heads.
    var heads: Int { headBytes + requestBytes }
}

extension ConversationState {
    /// Counts what is kept now.
    mutating func countKept() {
        if kept.headsChanged {
            var bytes = 0
            for index in open.indices { bytes += open[index].exchange.keptBytes }
            for index in finished.indices { bytes += finished[index].keptBytes }
            if let remarks { bytes += remarks.keptBytes }
            kept.countHeads(bytes)
        }
        // The owner drops a conversation that is let go.
        let bytes = isLetGo && !isInner ? 0 : kept.heads + client.buffer.count + server.buffer.count + held.keptBytes
        if kept.count(bytes, context), context.budget.pendingBytes > context.budget.totalPendingBytes { giveUp() }
    }

    /// Tells of everything as it is, and follows nothing any more.
    private mutating func giveUp() {
        context.hit("total-pending-bytes")
        for index in open.indices {
            // Whatever comes is as good as missing.
            open[index].exchange.touchesGap = true
            open[index].exchange.limitsHit.append("total-pending-bytes")
        }
        finish(startFacts)
        outstanding = []
        held = Held()
        client.buffer = []
        server.buffer = []
        remarks?.dropHeads()
        isLetGo = true
    }
}

extension ConversationState.Held {
    var keptBytes: Int { bytes.count + pieces.count * MemoryLayout<Piece>.stride }
}

extension Exchange {
    /// Bytes of the heads.
    fileprivate var keptBytes: Int {
        var bytes = (request?.keptBytes ?? 0) + (response?.keptBytes ?? 0) + (firstLaterResponse?.keptBytes ?? 0)
        for index in interim.indices { bytes += interim[index].keptBytes }
        for index in laterRequests.indices { bytes += laterRequests[index].head.count }
        return bytes
    }
}

extension ConnectionRemarks {
    fileprivate var keptBytes: Int {
        (firstLoneUpgradeOption?.keptBytes ?? 0) + (firstAdvertisement?.keptBytes ?? 0)
            + (firstBareUpgrade?.keptBytes ?? 0)
    }

    fileprivate func dropHeads() {
        firstLoneUpgradeOption = nil
        firstAdvertisement = nil
        firstBareUpgrade = nil
    }
}

extension MessageHead {
    fileprivate var keptBytes: Int { bytes.count + lines.count * MemoryLayout<FieldLine>.stride }
}
