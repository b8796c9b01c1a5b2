// "Before the 101", as a proof: section D of the rule catalogue.
//
// Let e be the end of the request, r0 and r1 the first byte of the final response head and the byte after it. A
// client byte at or after e is early when the segment that FIRST carried it acknowledged less than r1: its sender's
// TCP did not have the whole head, so the application cannot have read it. That holds wherever the tap is. The watch
// collects, for each run of client bytes after e, that acknowledgment; the verdict is drawn when the exchange ends.

import Ground

/// Collects client bytes after one request until they can no longer be early.
struct EarlyWatch {
    struct Run {
        var offset: Int64
        var length: Int64
        var mark: Arrival
        var last: Arrival
    }
    /// The stream of both, and the end of the request in it.
    let stream: StreamID
    let start: Int64
    private(set) var runs: [Run] = []
    private(set) var excerpt: [UInt8] = []
    private(set) var onlyLineEnds = true
    /// Where the first hole in the server's stream lies; `nil` for none.
    var serverHole: Int64?
    /// The end of a final head that was seen and could not be told to a request: it may be the answer to this one.
    var strayAnswer: Int64?

    init(stream: StreamID, start: Int64) {
        self.stream = stream
        self.start = start
    }

    /// Notes client bytes; those before the request's end are left out.
    mutating func note(_ chunk: borrowing Chunk) {
        let bytes = chunk.bytes
        let skipped = max(0, start - chunk.offset)
        guard skipped < Int64(bytes.count) else { return }
        let first = Int(skipped)
        if excerpt.count < 256 {
            excerpt.append(bytes.extracting(first..<min(bytes.count, first + 256 - excerpt.count)))
        }
        var index = first
        while onlyLineEnds, index < bytes.count {
            if bytes[index] != 0x0d && bytes[index] != 0x0a { onlyLineEnds = false }
            index += 1
        }
        let length = Int64(bytes.count - first)
        if let last = runs.last, last.mark.heard == chunk.arrival.heard || runs.count >= 64,
            last.offset + last.length == chunk.offset + skipped
        {
            runs[runs.count - 1].length += length
            runs[runs.count - 1].last = chunk.last
        } else if runs.count < 64 {
            runs.append(Run(offset: chunk.offset + skipped, length: length, mark: chunk.arrival, last: chunk.last))
        }
    }

    /// What the verdict needs to know besides the runs.
    struct Answer {
        /// The final response head; `nil` when none was seen whole.
        var response: MessageHead?
        /// Server bytes that were seen in order.
        var serverSeen: Int64
        /// SYN-ACK to ACK at the tap, in nanoseconds.
        var clientRoundTrip: Int64?
        /// The request itself was cut by a hole.
        var requestCut: Bool
    }

    /// The verdict; `nil` when there is nothing to say: no byte was early.
    func verdict(_ answer: Answer) -> EarlyData? {
        var result: EarlyData?
        for run in runs {
            let (verdict, missing) = judge(run, answer)
            if verdict == .none { continue }
            if var early = result {
                // The strongest verdict names the whole; bytes of the same or a stronger one count.
                if verdict == .undetermined { continue }
                if early.verdict == .undetermined {
                    early = make(run, verdict, missing)
                } else {
                    early.clientBytes += run.length
                    early.place.length = run.offset + run.length - early.place.offset
                    early.place.last = run.last
                }
                result = early
            } else {
                result = make(run, verdict, missing)
            }
        }
        guard var early = result else { return nil }
        if let response = answer.response {
            early.responseStart = response.place.offset
            early.responseEnd = response.place.end
            if let acknowledged = response.place.first.heard {
                early.atServerBytes = max(0, min(acknowledged, early.place.end) - early.place.offset)
            }
        }
        return early
    }

    private func make(_ run: Run, _ verdict: EarlyVerdict, _ missing: String) -> EarlyData {
        var early = EarlyData(
            place: Place(
                direction: .client, stream: stream, offset: run.offset, length: run.length, first: run.mark,
                last: run.last))
        early.verdict = verdict
        early.missing = missing
        early.clientBytes = run.length
        early.acknowledged = run.mark.heard
        let from = Int(min(run.offset - start, Int64(excerpt.count)))
        early.excerpt = Array(excerpt[from...])
        early.looksLike = Sniffer.client(early.excerpt.span)
        early.onlyLineEnds = onlyLineEnds && excerpt.count <= 2
        return early
    }

    private func judge(_ run: Run, _ answer: Answer) -> (EarlyVerdict, String) {
        guard let response = answer.response else {
            guard let acknowledged = run.mark.heard else { return (.undetermined, "no acknowledgment number") }
            if answer.requestCut { return (.undetermined, "part of the request was not captured") }
            if let hole = serverHole, acknowledged > hole { return (.undetermined, "the answer was not seen whole") }
            if acknowledged > answer.serverSeen { return (.undetermined, "the answer was not captured") }
            if let strayAnswer, acknowledged >= strayAnswer {
                return (.undetermined, "which request an answer belongs to is not known")
            }
            return (.proven, "")
        }
        let start = response.place.offset
        let end = response.place.end
        if let acknowledged = run.mark.heard {
            if answer.requestCut { return (.undetermined, "part of the request was not captured") }
            if let hole = serverHole, hole < max(acknowledged, end), acknowledged > hole {
                return (.undetermined, "bytes of the server below the acknowledgment were not captured")
            }
            if acknowledged >= end { return (.none, "") }
            return acknowledged <= start ? (.proven, "") : (.partial, "")
        }
        // In a stream inside another the sender may have had records that are read later: order proves nothing.
        guard stream == .connection else { return (.undetermined, "what its sender had received is not known") }
        // No usable acknowledgment: order within one capture, then time. Both are weaker (RULES D, traps 7).
        let mark = run.mark
        if mark.capture == response.place.first.capture, mark.precedes(response.place.first),
            response.place.first.time.nanoseconds(since: mark.time) >= 100_000
        {
            return (.order, "")
        }
        if let roundTrip = answer.clientRoundTrip, !mark.precedes(response.place.last),
            mark.time.nanoseconds(since: response.place.last.time) < roundTrip
        {
            return (.timing, "")
        }
        return (.undetermined, "no acknowledgment number")
    }
}
