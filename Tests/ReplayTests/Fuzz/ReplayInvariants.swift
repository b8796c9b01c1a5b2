// What must hold for any bytes whatever that are read as a recording, one sentence for each reader. The fuzzer of the
// package in Fuzz/ and the tests call the same functions: each answers with what was broken, or `nil`.

import Traffic

@testable import Replay

enum ReplayInvariants {
    typealias Entry = @Sendable ([UInt8]) -> String?

    /// Every entry by its name.
    static let entries: [(name: String, run: Entry)] = [("json", json), ("har", har)]

    static func entry(_ name: String) -> Entry? { entries.first { $0.name == name }?.run }

    /// Sessions have no more messages than the file, and nothing of it can begin a line of a request.
    @Sendable static func har(_ bytes: [UInt8]) -> String? {
        let log: HARLog
        do {
            log = try HARLog(bytes)
        } catch {
            return error.description.isEmpty ? "an error without words" : nil
        }
        for entry in log.entries {
            let texts =
                entry.request.headers.flatMap { [$0.name, $0.value] } + [
                    entry.request.url.target, entry.request.method,
                ]
            if texts.contains(where: { $0.utf8.contains(0x0a) || $0.utf8.contains(0x0d) }) {
                return "a line end in a field"
            }
        }
        let sessions = log.sessions()
        let messages = log.entries.reduce(0) { $0 + ($1.messages?.count ?? 0) }
        let steps = sessions.reduce(0) { $0 + $1.steps.count { $0.message != nil } }
        if steps > messages { return "more was said than is written" }
        let isMixed = sessions.contains { session in
            session.upgraded == .websocket && session.steps.contains { $0.message == nil }
        }
        return isMixed ? "bytes in a session of messages" : nil
    }

    /// What is read, written and read again is the same value; an error lies within the text.
    @Sendable static func json(_ bytes: [UInt8]) -> String? {
        let value: JSONValue
        do {
            value = try JSONParser.parse(bytes)
        } catch {
            return error.offset > bytes.count || error.line < 1 || error.column < 1 ? "the error is nowhere" : nil
        }
        guard let again = try? JSONParser.parse(Array(value.description.utf8)) else {
            return "what was written is no JSON"
        }
        if again != value { return "what was written is another value" }
        if again.hashValue != value.hashValue { return "equal values, unequal hashes" }
        return again.description == value.description ? nil : "written twice, written in two ways"
    }
}
