// Between NIO and the machine: what the channel tells goes in, what the machine wants is done.

import Glibc
import NIOCore
import NIOSSL
import NIOTLS
import Traffic

/// The channel of one replayed session.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The session is stopped from outside.
    struct Stop: Sendable {}

    private var client: ReplayClient
    private let clock: LiveClock
    private let target: ReplayTarget
    private let done: (LiveRun) -> Void
    private var timer: Scheduled<Void>?
    private var isDone = false
    private var isSecured: Bool

    init(client: ReplayClient, clock: LiveClock, target: ReplayTarget, done: @escaping (LiveRun) -> Void) {
        self.client = client
        self.clock = clock
        self.target = target
        self.done = done
        isSecured = !target.isSecure
    }

    /// The channel is connected already.
    func handlerAdded(context: ChannelHandlerContext) {
        if isSecured {
            connected(context)
        } else {
            // A peer that never answers the TLS handshake would hold the session for ever.
            let deadline = clock.now.adding(client.patience)
            timer = wake(context, at: deadline) { [unowned self] context in
                let words = "no answer to the TLS handshake"
                act(client.handle(.failed(ReplayFailure(.tls, words)), at: clock.now), context)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event, !isSecured {
            isSecured = true
            connected(context)
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            act(client.handle(.ended, at: clock.now), context)
        } else if event is Stop {
            act(client.handle(.failed(ReplayFailure(.interrupted, "interrupted")), at: clock.now), context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        act(client.handle(.received(Array(buffer.readableBytesView)), at: clock.now), context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isSecured {
            act(client.handle(.ended, at: clock.now), context)
        } else {
            let words = "the server closed the connection during the TLS handshake"
            act(client.handle(.failed(ReplayFailure(.tls, words)), at: clock.now), context)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isSecured {
            act(client.handle(.failed(TargetSecurity.failure(error, target: target)), at: clock.now), context)
        } else if let error = error as? NIOSSLError, case .uncleanShutdown = error {
            act(client.handle(.ended, at: clock.now), context)
        } else if let error = error as? IOError {
            let failure =
                error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
                ? ReplayFailure(.reset, "the server reset the connection")
                : ReplayFailure(.local, "\(error)")
            act(client.handle(.failed(failure), at: clock.now), context)
        } else if error is NIOSSLError || error is NIOSSLExtraError {
            act(client.handle(.failed(TargetSecurity.failure(error, target: target)), at: clock.now), context)
        }
        // A write that came too late is no event of its own: the end of the channel follows.
    }

    private func connected(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let nowhere = Endpoint(address: IPAddress(v4: 0), port: 0)
        let local = context.channel.localAddress.flatMap { Endpoint($0) } ?? nowhere
        let remote = context.channel.remoteAddress.flatMap { Endpoint($0) } ?? nowhere
        act(client.handle(.connected(client: local, server: remote), at: clock.now), context)
    }

    private func act(_ actions: [ReplayClient.Action], _ context: ChannelHandlerContext) {
        for action in actions {
            switch action {
            case .send(let bytes):
                context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
            case .halfClose:
                context.flush()
                context.close(mode: .output, promise: nil)
            case .close:
                context.flush()
                context.close(promise: nil)
            case .wake(let time):
                timer?.cancel()
                timer = wake(context, at: time) { [unowned self] context in
                    act(client.handle(.timer, at: clock.now), context)
                }
            case .over:
                timer?.cancel()
                timer = nil
                finish()
            }
        }
        context.flush()
    }

    private func wake(
        _ context: ChannelHandlerContext, at time: Timestamp, _ body: @escaping (ChannelHandlerContext) -> Void
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((context, body), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(deadline: clock.deadline(time)) { bound.value.1(bound.value.0) }
    }

    private func finish() {
        guard !isDone else { return }
        isDone = true
        done(client.run)
    }
}

extension Endpoint {
    init?(_ address: SocketAddress) {
        guard let text = address.ipAddress, let ip = IPAddress(String(text.prefix { $0 != "%" })),
            let port = address.port
        else { return nil }
        self.init(address: ip, port: UInt16(clamping: port))
    }
}
