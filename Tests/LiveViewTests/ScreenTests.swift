// Facts in, screens out.

import Inspection
import Testing
import Traffic

@testable import LiveView

@Suite struct ScreenTests {
    private func screen(
        _ columns: Int, _ rows: Int, _ model: LiveModel = Scene.model(), keys: [Key] = [], signs: Signs = .unicode
    ) -> String {
        var state = LiveState()
        let size = ScreenSize(columns: columns, rows: rows)
        _ = LiveFrame.draw(model, &state, size: size, now: Scene.time(134), signs: signs)
        for key in keys {
            let extent = LiveFrame.extent(model, state, size: size, signs: signs, now: Scene.time(134))
            _ = state.press(key, model: model, height: extent.height, length: extent.length)
        }
        return LiveFrame.draw(model, &state, size: size, now: Scene.time(134), signs: signs).text.joined(
            separator: "\n")
    }

    @Test func wideScreenShowsEveryColumn() {
        #expect(
            screen(150, 16) == """
                 upgradescope · eth0 · 5 exchanges, 2 open · 12,345 packets · 231 connections · no drops                                                     00:02:14

                    AGE  CLIENT                 SERVER                 HOST AND TARGET                    PROTOCOL     MSGS↑    ↓  BYTES↑    ↓  STATE         FOUND
                     9s  10.0.0.5:51004         192.168.100.100:8080   slow.example/subscribe             websocket                             offered
                  200ms  10.0.0.5:51003         192.168.100.100:8080   admin.example/ws                   websocket                             failed 403    1N
                    44s  10.0.0.5:51002         192.168.100.100:8080   feed.example/prices?token=‹redac…  websocket        3   40     120  88k  closed 1000   1E 1W
                  2m13s  10.0.0.5:51001         192.168.100.100:8080   chat.example/room                  websocket       12  340    1.2k  88k  open



                ── Findings  1 error  1 warning  1 note ──────────────────────────────────────────────────────────────────────────────────────────────────────────────
                  00:00:50  RES010    admin.example/ws                       Refused without a reason.
                  00:01:04  WSF009    feed.example/prices?token=‹redacted …  A continuation without a beginning.
                  00:01:04  EARLY001  feed.example/prices?token=‹redacted …  The client sent 11 bytes of WebSocket frames before the 101.

                 ? help   q quit   enter follow   / filter   s sort   o open only   p pause                                                                 by newest
                """)
    }

    @Test func eightyColumns() {
        #expect(
            screen(80, 14) == """
                 upgradescope · eth0 · 5 exchanges, 2 open · 12,345 packets            00:02:14

                    AGE HOST AND TARGET       PROTOCOL  MSGS↑    ↓ BYTES↑    ↓ STATE       FOUND
                     9s slow.example/subscri… websocket                        offered
                  200ms admin.example/ws      websocket                        failed 403  1N
                    44s feed.example/prices?… websocket     3   40    120  88k closed 1000 1E 1W
                  2m13s chat.example/room     websocket    12  340   1.2k  88k open


                ── Findings  1 error  1 warning  1 note ────────────────────────────────────────
                  00:00:50  RES010    Refused without a reason.
                  00:01:04  WSF009    A continuation without a beginning.
                  00:01:04  EARLY001  The client sent 11 bytes of WebSocket frames before the 1…
                 ? help   q quit   enter follow   / filter   s sort   o open only   p pause
                """)
    }

    @Test func selectedLineHasAPointer() {
        #expect(
            screen(80, 14, keys: [.down, .down]).split(separator: "\n")[3]
                == "▸ 200ms admin.example/ws      websocket                        failed 403  1N")
    }

    @Test func smallestScreen() {
        #expect(
            screen(20, 5) == """
                 5 exchanges, 2 open
                  HOST    STATE
                  slow.e… offered
                  admin.… failed 403
                 ? help   q quit
                """)
    }

    @Test func withoutUnicode() {
        #expect(
            screen(60, 9, signs: .ascii) == """
                 upgradescope - eth0 - 5 exchanges, 2 open         00:02:14
                    AGE HOST AND TARGET    PROTOCOL    STATE        FOUND
                     9s slow.example/subs~ websocket   offered
                  200ms admin.example/ws   websocket   failed 403   1N
                    44s feed.example/pric~ websocket   closed 1000  1E 1W
                -- Findings  1 error  1 warning  1 note --------------------
                  00:00:50  RES010    Refused without a reason.
                  00:01:04  WSF009    A continuation without a beginning.
                 ? help   q quit   enter follow   / filter   s sort
                """)
    }

    @Test func oneExchange() {
        #expect(
            screen(90, 24, keys: [.character("s"), .down, .down, .enter]) == """
                 upgradescope · eth0 · 5 exchanges, 2 open · 12,345 packets · 231 connections    00:02:14
                 #2  GET feed.example/prices?token=‹redacted 6 bytes›  offering websocket
                 10.0.0.5:51002 → 192.168.100.100:8080  packets 20 to 29
                 101 Switching Protocols  switched to websocket, not valid
                 closed 1000  lasted 00:00:44  ↑ client 3 messages, 120 bytes  ↓ server 40 messages, 88k …

                ── Findings ──────────────────────────────────────────────────────────────────────────────
                  error EARLY001 a-name-of-early001  (proven, client at fault)
                    The client sent 11 bytes of WebSocket frames before the 101.
                    Wait for the 101 before sending.
                  warning WSF009 a-name-of-wsf009  (proven, client at fault)
                    A continuation without a beginning.
                    Wait for the 101 before sending.
                ── Request and answer ────────────────────────────────────────────────────────────────────
                  > GET /prices?token=‹redacted 6 bytes› HTTP/1.1
                  > Host: feed.example
                  > Upgrade: websocket
                  > Connection: Upgrade
                  < HTTP/1.1 101 Switching Protocols
                  < Upgrade: websocket
                  < Connection: Upgrade


                 ? help   q quit   esc back   n next   end latest   p pause
                """)
    }

    @Test func oneExchangeOnASmallScreen() {
        #expect(
            screen(40, 8, keys: [.enter]) == """
                 upgradescope · 5 exchanges, 2 open
                 #4  GET slow.example/subscribe  offeri…
                 offered  for 00:00:09
                ── Request and answer ──────────────────
                  > GET /subscribe HTTP/1.1
                  > Host: slow.example
                  > Upgrade: websocket
                 ? help   q quit   esc back   n next
                """)
    }

    @Test func help() {
        #expect(
            screen(80, 16, keys: [.character("?")]) == """
                 Keys
                 j k, arrows   select a line; page up and down, g and G go further
                 enter         show the exchange, follow its messages; n, N the next, the last
                 esc           back; in the table: no selection, no filter
                 /             show only hosts and targets with this text
                 s, S          sort by the next order, or the last; the current one is below
                 o             only exchanges that are open
                 p, blank      hold the view still; the capture goes on
                 ctrl-l        draw everything anew
                 q, ctrl-c     end the capture and print the report
                 age           since the request; of what is finished, how long it lasted
                 up, down      from the client; from the server, behind the switch
                 state         offered: not answered yet; open: switched; closed: with its code
                 found         E errors, W warnings, N notes. Times are UTC

                 any key goes back
                """)
    }

    @Test func emptyTable() {
        #expect(
            screen(60, 10, LiveModel()) == """
                 upgradescope · 0 exchanges, 0 open · 0 packets
                    AGE HOST AND TARGET    PROTOCOL    STATE        FOUND
                  No upgrade was seen yet.



                ── Findings ────────────────────────────────────────────────
                  None so far.

                 ? help   q quit   enter follow   / filter   s sort
                """)
    }

    @Test func dropsAreShownBeforeAllElse() {
        var model = Scene.model()
        model.status.drops = 1234
        #expect(screen(40, 5, model).hasPrefix(" 1,234 packets dropped"))
    }

    @Test func filterBeingWritten() {
        #expect(
            screen(60, 9, keys: [.character("/"), .character("w"), .character("s")]) == """
                 upgradescope · eth0 · 5 exchanges, 2 open         00:02:14
                    AGE HOST AND TARGET    PROTOCOL    STATE        FOUND
                  200ms admin.example/ws   websocket   failed 403   1N


                ── Findings  1 error  1 warning  1 note ────────────────────
                  00:00:50  RES010    Refused without a reason.
                  00:01:04  WSF009    A continuation without a beginning.
                 /ws▏  enter keeps, esc leaves it
                """)
    }

    @Test func captionsFitEverywhere() {
        for columns in 1...200 {
            let all = Columns.fitting(columns)
            #expect(zip(all, all.dropFirst()).allSatisfy { $0.start + $0.width < $1.start }, "\(columns)")
            #expect(all.allSatisfy { $0.width > 0 }, "\(columns)")
            if columns >= 20, let last = all.last { #expect(last.start + last.width <= columns, "\(columns)") }
        }
        #expect(Columns.fitting(120).map(\.kind) == Column.Kind.allCases)
    }
}
