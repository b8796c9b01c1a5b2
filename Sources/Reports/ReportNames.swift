// What a report calls its captures and packets.

import Inspection
import Investigation
import Traffic

extension Report {
    /// What a capture is called for people.
    func captureName(_ index: UInt16) -> String {
        Int(index) < captureNames.count
            ? TerminalText.safe(CapturedText(Array(captureNames[Int(index)].utf8))) : "capture \(index)"
    }

    /// "packets 4 to 9 of client.pcap"; the capture is named where it is not the one the reader thinks of.
    func packets(_ place: Place, within capture: UInt16? = nil) -> String {
        let (first, last) = (place.first.packet, place.last.packet)
        let packets = first == last ? "packet \(first)" : "packets \(first) to \(last)"
        guard hasSeveralCaptures, place.first.capture != capture else { return packets }
        return "\(packets) of \(captureName(place.first.capture))"
    }
}

extension Finding {
    /// Where the rule comes from, if a reader can look it up: not the catalogue itself.
    var publishedSource: String? { source.isEmpty || source == "-" || source.hasPrefix("section ") ? nil : source }
}
