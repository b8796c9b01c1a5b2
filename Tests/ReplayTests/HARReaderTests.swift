// HAR files as their writers save them, and as nobody should.

import Testing
import Traffic

@testable import Replay

@Suite struct HARReaderTests {
    /// A log of one entry.
    static func log(_ entry: String) -> [UInt8] { Array("{\"log\":{\"entries\":[\(entry)]}}".utf8) }

    static func read(_ entry: String) throws -> HAREntry {
        try #require(try HARLog(log(entry)).entries.first)
    }

    static func session(_ messages: String, url: String = "ws://h/") -> String {
        "{\"request\":{\"url\":\"\(url)\"},\"_webSocketMessages\":[\(messages)]}"
    }

    @Test func asChromeSavesIt() throws {
        let entry = try Self.read(
            """
            {"_initiator":{"type":"script"},"_priority":null,"_resourceType":"websocket","cache":{},"connection":"812",
             "request":{"method":"GET","url":"wss://example.org:8443/chat?room=1","httpVersion":"HTTP/1.1",
              "headers":[{"name":"Host","value":"example.org:8443"},{"name":"Sec-WebSocket-Key","value":"AAAA"}],
              "queryString":[{"name":"room","value":"1"}],"cookies":[],"headersSize":-1,"bodySize":0},
             "response":{"status":101,"statusText":"Switching Protocols","httpVersion":"HTTP/1.1",
              "headers":[{"name":"Set-Cookie","value":"a=1\\nb=2"}],"cookies":[],
              "content":{"size":0,"mimeType":"x-unknown"},"redirectURL":"","headersSize":-1,"bodySize":-1},
             "serverIPAddress":"[::1]","startedDateTime":"2026-01-31T12:30:00.250Z","time":12.5,"timings":{},
             "_webSocketMessages":[
              {"type":"send","time":1769862600.2712345,"opcode":1,"data":"h\\u00e9"},
              {"type":"receive","time":1769862600.3,"opcode":2,"data":"AAH/"},
              {"type":"error","time":1769862601,"opcode":-1,"data":"net::ERR_CONNECTION_RESET"}]}
            """)
        #expect(entry.request.method == "GET")
        #expect(entry.request.url == HARAddress("wss://example.org:8443/chat?room=1"))
        #expect(entry.request.url.authority == "example.org:8443")
        #expect(entry.request.url.target == "/chat?room=1")
        #expect(entry.response?.status == 101)
        #expect(entry.response?.headers == [HARHeader("Set-Cookie", "a=1"), HARHeader("Set-Cookie", "b=2")])
        #expect(entry.started?.nanoseconds == 1_769_862_600_250_000_000)
        #expect(entry.connection == "812")
        #expect(
            entry.messages == [
                HARMessage(
                    direction: .client, time: Timestamp(nanoseconds: 1_769_862_600_271_234_500), opcode: 1,
                    payload: Array("hé".utf8)),
                HARMessage(
                    direction: .server, time: Timestamp(nanoseconds: 1_769_862_600_300_000_000), opcode: 2,
                    payload: [0, 1, 255]),
            ])
        #expect(entry.remarks.count == 1)
        #expect(entry.remarks.first?.contains("ERR_CONNECTION_RESET") == true)
    }

    @Test func withAlmostEverythingMissing() throws {
        let entry = try Self.read(
            """
            {"request":{"method":"","url":"ws://h"},"response":{"status":0},
             "_webSocketMessages":[{"type":"receive"},{"type":"send","data":null,"opcode":null,"time":null}]}
            """)
        #expect(entry.request.method == "GET")
        #expect(entry.request.url.target == "/")
        #expect(entry.response == nil)
        #expect(entry.started == nil)
        #expect(entry.messages?.map(\.opcode) == [1, 1])
        #expect(entry.messages?.map(\.direction) == [.server, .client])
        #expect(entry.messages?.allSatisfy { $0.payload.isEmpty && $0.time == nil } == true)
    }

    @Test(
        arguments: [
            ("\"type\":\"send\",\"time\":1769862600271", 1_769_862_600_271_000_000),
            ("\"type\":\"send\",\"time\":1769862600271000", 1_769_862_600_271_000_000),
            ("\"type\":\"send\",\"time\":\"2026-01-31T13:30:00.271+01:00\"", 1_769_862_600_271_000_000),
            ("\"type\":\"send\",\"time\":0", nil), ("\"type\":\"send\",\"time\":\"yesterday\"", nil),
            ("\"type\":\"sent\",\"time\":1e9", 1_000_000_000_000_000_000), ("\"type\":\"send\",\"time\":-5", nil),
        ] as [(String, Int64?)])
    func timesAreReadInTheirUnit(message: String, nanoseconds: Int64?) throws {
        let entry = try Self.read(Self.session("{\(message)}"))
        #expect(entry.messages?.first?.time?.nanoseconds == nanoseconds)
    }

    @Test(
        arguments: [
            ("AAH/", [0, 1, 255]), ("AAH_", [0, 1, 255]), ("AA==", [0]), ("AA", [0]), ("AAE", [0, 1]),
            ("AA\\nH/", [0, 1, 255]),
            ("", []),
        ] as [(String, [UInt8])])
    func base64IsReadFromManyHands(text: String, bytes: [UInt8]) throws {
        let entry = try Self.read(Self.session("{\"type\":\"send\",\"opcode\":2,\"data\":\"\(text)\"}"))
        #expect(entry.messages?.first?.payload == bytes)
    }

    @Test(arguments: [
        ("", "not JSON: the text ends where a value should be (line 1, column 1)"),
        ("[]", "the file: an object should be here, not array"), ("{}", "the file: has no \"log\""),
        ("{\"log\":{}}", "log: has no \"entries\""),
        ("{\"log\":{\"entries\":{}}}", "log.entries: an array should be here, not object"),
    ])
    func isNoHAR(text: String, message: String) {
        let error = #expect(throws: HARError.self) { try HARLog(Array(text.utf8)) }
        #expect(error?.description == message)
    }

    @Test(arguments: [
        (
            "{\"type\":\"send\",\"opcode\":2,\"data\":\"&\"}",
            "_webSocketMessages[0].data: not base64, as it has to be with opcode 2"
        ),
        ("{\"type\":\"send\"},{\"type\":\"x\"}", "_webSocketMessages[1].type: neither send nor receive: \"x\""),
        ("{\"type\":\"send\",\"opcode\":3}", "_webSocketMessages[0].opcode: none of 1, 2, 8, 9 and 10"),
        ("7", "_webSocketMessages[0]: an object should be here, not number"),
        ("{\"type\":7}", "_webSocketMessages[0].type: a string should be here, not number"),
        (
            "{\"type\":\"send\",\"opcode\":9,\"data\":\"\(String(repeating: "A", count: 200))\"}",
            "_webSocketMessages[0].data: more than 125 bytes in a control frame"
        ),
    ])
    func isNoMessage(messages: String, problem: String) {
        let error = #expect(throws: HARError.self) { try HARLog(Self.log(Self.session(messages))) }
        #expect(error?.description == "log.entries[0]." + problem)
    }

    /// What would put a line of its own into a request is not taken.
    @Test(arguments: [
        "\"url\":\"ws://h/a b\"", "\"url\":\"ws://h/\\r\\nX: y\"", "\"url\":\"ws://\"",
        "\"url\":\"ws://h\",\"method\":\"A B\"",
    ])
    func injectionIsRefused(request: String) {
        #expect(throws: HARError.self) { try HARLog(Self.log("{\"request\":{\(request)}}")) }
    }

    @Test(arguments: [
        ("{\"name\":\"A B\",\"value\":\"\"}", []), ("{\"name\":\"\",\"value\":\"\"}", []),
        ("{\"name\":\"A\",\"value\":\"b\\r\"}", []), ("{\"name\":\"A\",\"value\":\"\\u0000\"}", []),
        ("{\"name\":\"A\",\"value\":\"b\\r\\n c\\td\"}", [HARHeader("A", "b c\td")]),
        ("{\"name\":\":path\",\"value\":\"/\"}", []), ("{\"name\":\"A\"}", [HARHeader("A", "")]),
    ])
    func fieldsAreLinesOfTheirOwn(header: String, headers: [HARHeader]) throws {
        let entry = try Self.read("{\"request\":{\"url\":\"ws://h\",\"headers\":[\(header)]}}")
        #expect(entry.request.headers == headers)
        #expect(entry.remarks.isEmpty == (!headers.isEmpty || header.contains(":path")))
    }

    @Test func whatIsNoSessionMayBeUnreadable() throws {
        let log = try HARLog(
            Self.log(
                "{\"request\":{\"url\":\"data:text/plain,x\"}},{\"request\":{\"url\":\"http://h/a#b\"},\"response\":{\"status\":200,"
                    + "\"content\":{\"text\":\"aGk=\",\"encoding\":\"base64\"}}}"))
        #expect(log.entries.map(\.index) == [1])
        #expect(log.entries.first?.request.url.target == "/a")
        #expect(log.entries.first?.response?.body == Array("hi".utf8))
        #expect(log.entries.first?.messages == nil)
        #expect(log.remarks.count == 1)
    }

    @Test(arguments: [
        ("{", true), (" \n{\"log\"", true), ("\u{feff}{", true), ("[", false), ("", false),
        ("\u{0a}\u{0d}\u{0d}\u{0a}", false),
    ])
    func isToldFromACapture(text: String, isHAR: Bool) {
        #expect(HARLog.looksLikeHAR(Array(text.utf8)) == isHAR)
    }

    @Test(arguments: [
        ("http://u:p@h:1/x?y#z", "h:1", "/x?y"), ("WSS://[::1]:9?q", "[::1]:9", "/?q"), ("ws://h", "h", "/"),
    ])
    func addressesAreTakenApart(text: String, authority: String, target: String) throws {
        let address = try #require(HARAddress(text))
        #expect(address.authority == authority)
        #expect(address.target == target)
    }

    @Test func fragmentsHaveToBeLengths() throws {
        let text = "\"type\":\"send\",\"data\":\"hello\""
        func fragments(_ list: String) throws -> [Int]? {
            try Self.read(Self.session("{\(text),\"_fragments\":\(list)}")).messages?.first?.fragments
        }
        #expect(try fragments("[2,0,3]") == [2, 0, 3])
        for wrong in ["[5]", "[9,-4]", "\"x\"", "[]", "[1,2.5]"] { #expect(try fragments(wrong) == []) }
    }
}
