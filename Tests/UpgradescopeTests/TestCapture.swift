// Small captures for the program to read, made of conversations.

import TestSupport

enum TestCapture {
    /// A connection of 192.0.2.10 to 198.51.100.1 whose first packet stands at `start` seconds.
    static func talk(start: Int64 = 1_700_000_000, port: Int = 40000) -> Talk {
        Talk(port: port, client: 0xc000_020a, server: 0xc633_6401, start: start)
    }

    /// A WebSocket session that does everything right.
    static func clean(start: Int64 = 1_700_000_000) -> [UInt8] {
        var talk = talk(start: start)
        talk.open()
        talk.client(Handshake.request())
        talk.server(Handshake.response())
        talk.client([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2])
        talk.client([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])
        talk.server([0x88, 0x02, 0x03, 0xe8])
        talk.close()
        return talk.pcap
    }

    /// The request does not name `upgrade` in Connection: UPG001.
    static func faulty(start: Int64 = 1_700_000_000) -> [UInt8] {
        var talk = talk(start: start)
        talk.open()
        talk.client(Handshake.request(connection: "keep-alive"))
        talk.server(Handshake.response())
        talk.close()
        return talk.pcap
    }
}
