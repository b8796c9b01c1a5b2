// Latencies as HDR histograms, in microseconds.
//
// With a rate, a session's time runs from when it should have begun: waiting after slow ones is counted. Without one there is no
// such moment; what a closed loop would have measured had it not waited itself is put in afterwards, the usual
// interval being the median (HdrHistogram's correction). Both figures are given, each with its name.

import Histogram

/// Gathers latencies of many sessions.
struct LatencyRecorder {
    private var histograms: [String: Histogram<UInt32>] = [:]
    static let names = ["connect", "handshake", "message", "session"]

    mutating func record(_ name: String, _ nanoseconds: Int64) {
        let value = UInt64(max(0, nanoseconds) / 1000)
        if histograms[name] == nil { histograms[name] = Histogram<UInt32>(numberOfSignificantValueDigits: .three) }
        histograms[name]?.record(value)
    }

    /// In the order of `names`; `isScheduled` where times ran from a schedule.
    func summaries(isScheduled: Bool, isLoad: Bool) -> [LatencySummary] {
        Self.names.flatMap { name -> [LatencySummary] in
            guard let histogram = histograms[name], histogram.totalCount > 0 else { return [] }
            let isFromSchedule = isScheduled && name != "connect" && name != "message"
            let measured = Self.summary(name, histogram, isCorrected: isFromSchedule)
            guard isLoad, !isScheduled, name != "connect" else { return [measured] }
            let interval = max(1, histogram.valueAtPercentile(50))
            var corrected = Histogram<UInt32>(numberOfSignificantValueDigits: .three)
            for value in histogram.recordedValues() {
                corrected.recordCorrectedValue(value.value, count: value.count, expectedInterval: interval)
            }
            return [measured, Self.summary(name + " (corrected)", corrected, isCorrected: true)]
        }
    }

    private static func summary(_ name: String, _ histogram: Histogram<UInt32>, isCorrected: Bool) -> LatencySummary {
        func milliseconds(_ micros: UInt64) -> Double { Double(micros) / 1000 }
        return LatencySummary(
            name: name, count: Int(clamping: histogram.totalCount), minimum: milliseconds(histogram.min),
            mean: (histogram.mean / 1000 * 1000).rounded() / 1000, maximum: milliseconds(histogram.max),
            percentiles: [50, 90, 99, 99.9].map { ($0, milliseconds(histogram.valueAtPercentile($0))) },
            isCorrected: isCorrected)
    }
}
