// Every input that once broke a reader of recordings, through the same entry again; and good inputs with a few bytes
// changed.

import Foundation
import TestSupport
import Testing

@Suite struct ReplayFuzzTests {
    @Test(arguments: ReplayInvariants.entries.map(\.name)) func whatOnceBroke(name: String) throws {
        let entry = try #require(ReplayInvariants.entry(name))
        for crash in try SharedMaterial.crashes(of: name) { #expect(entry(crash.bytes) == nil, "\(crash.name)") }
    }

    @Test(arguments: ReplayInvariants.entries.map(\.name)) func whatChanceBrings(name: String) throws {
        let entry = try #require(ReplayInvariants.entry(name))
        var chance = SeededNumbers(seed: 4711)
        let good: [[UInt8]] = [
            Array(#"{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00"],"b":{"c":""}}"#.utf8), Array("[[[[1.0]]]]".utf8),
            Array(
                (#"{"log":{"entries":[{"request":{"method":"","url":"ws://h/a","headers":[{"name":"A","value":"b"}]},"#
                    + #""response":{"status":101},"_webSocketMessages":[{"type":"send","time":1.5,"data":"a"},"#
                    + #"{"type":"receive","opcode":2,"data":"AAEC","_fragments":[1,2]},"#
                    + #"{"type":"receive","opcode":8,"data":"A+g="}]}]}}"#).utf8),
        ]
        for round in 0..<400 {
            var bytes = good[round % good.count]
            for _ in 0..<Int.random(in: 0..<4, using: &chance) {
                bytes[Int.random(in: bytes.indices, using: &chance)] = UInt8.random(in: 0...255, using: &chance)
            }
            if round % 5 == 0 { bytes = Array(bytes.prefix(Int.random(in: bytes.indices, using: &chance))) }
            #expect(entry(bytes) == nil, "\(bytes)")
        }
    }
}
