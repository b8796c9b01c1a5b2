// The page of transitions, checked against itself: what a reader of it would look for.

import Testing

@testable import Traffic

@Suite("States of a conversation") struct ConversationStatesTests {
    private static func page(_ direction: Direction) -> [ReadingState.Transition] {
        direction == .client ? ReadingState.client : ReadingState.server
    }

    @Test(arguments: Direction.allCases) func everyLineIsThereOnce(_ direction: Direction) {
        let lines = Self.page(direction).map { "\($0.from) \($0.event)" }
        #expect(Set(lines).count == lines.count)
        for line in Self.page(direction) { #expect(line.from.after(line.event, direction) == line.to) }
    }

    /// From where a stream may begin, every state but those of the other side can be reached.
    @Test(
        arguments: [
            (Direction.client, [.opening, .head, .resync], [.untilClose, .outOfTurn]),
            (.server, [.head, .resync], [.opening, .held]),
        ] as [(Direction, Set<ReadingState>, Set<ReadingState>)])
    func statesThatAreReached(direction: Direction, starts: Set<ReadingState>, never: Set<ReadingState>) {
        var reached = starts
        for _ in ReadingState.allCases {
            for line in Self.page(direction) where reached.contains(line.from) { reached.insert(line.to) }
        }
        #expect(reached == Set(ReadingState.allCases).subtracting(never))
    }

    /// Whatever has switched, or cannot be read, stays so.
    @Test(arguments: Direction.allCases) func nothingLeadsBack(_ direction: Direction) {
        #expect(!Self.page(direction).contains { [.switched, .ignored].contains($0.from) })
    }

    /// Only an answer, or its loss, says whose the bytes are that are held (RFC 9110 7.8).
    @Test func whatIsHeldWaitsForTheAnswer() {
        let ways = ReadingState.client.filter { $0.from == .held }.map { "\($0.event) \($0.to)" }
        #expect(ways.sorted() == ["answered head", "lost resync", "switches switched"])
        #expect(ReadingState.client.filter { $0.to == .held }.allSatisfy { $0.event == .offerEnded })
    }

    /// What is lost can be found again wherever messages are read.
    @Test(arguments: Direction.allCases) func whatIsLostIsFoundAgain(_ direction: Direction) {
        let lost = Self.page(direction).filter { $0.event == .lost }
        #expect(lost.allSatisfy { $0.to == .resync })
        #expect(ReadingState.resync.after(.startLine, direction) == .head)
    }
}
