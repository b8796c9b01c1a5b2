// Between NIO and the machine: what the channel tells goes in, what the machine wants is done.

import Glibc
import NIOCore
import NIOSSL
import NIOTLS
import Synchronization
import Traffic

/// What all connections of a stand-in share.
final class ServeFloor: Sendable {
    let answers: RecordedAnswers
    let options: ServeOptions
    let sink: (any PacketSink)?
    let clock: LiveClock
    let tell: @Sendable (ServeEvent) -> Void
    private let most: Int?
    private let state = Mutex(State())

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var served = 0
        var whenEmpty: EventLoopPromise<Void>?
    }

    init(
        answers: RecordedAnswers, options: ServeOptions, sink: (any PacketSink)?, clock: LiveClock, most: Int?,
        tell: @escaping @Sendable (ServeEvent) -> Void
    ) {
        self.answers = answers
        self.options = options
        self.sink = sink
        self.clock = clock
        self.most = most
        self.tell = tell
    }

    /// As many exchanges were answered as were wanted.
    var isDone: Bool { most.map { most in state.withLock { $0.served >= most } } ?? false }

    /// Takes a connection; `false` when there are too many, or it is over.
    func enter(_ channel: any Channel) -> Bool {
        state.withLock { state in
            guard state.channels.count < options.connections, state.whenEmpty == nil else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    func leave(_ channel: any Channel) {
        let promise = state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            return state.channels.isEmpty ? state.whenEmpty : nil
        }
        promise?.succeed()
    }

    func served(_ exchange: ServedExchange, client: Endpoint) {
        state.withLock { $0.served += exchange.recording == nil ? 0 : 1 }
        tell(.served(client: client, exchange))
    }

    var channels: [any Channel] { state.withLock { Array($0.channels.values) } }

    /// Ends every connection; `promise` is kept when the last is gone.
    func stop(_ promise: EventLoopPromise<Void>) {
        let channels = state.withLock { state in
            state.whenEmpty = promise
            return Array(state.channels.values)
        }
        if channels.isEmpty { promise.succeed() }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(ServeHandler.Stop()) }
    }
}

extension ServeFloor {
    /// Closes what is still open, whatever was not sent.
    func abandon() { for channel in channels { channel.close(promise: nil) } }
}

/// The channel of one client.
final class ServeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The stand-in ends.
    struct Stop: Sendable {}

    private let floor: ServeFloor
    private var connection: ServedConnection?
    private var client = Endpoint(address: IPAddress(v4: 0), port: 0)
    private var timer: Scheduled<Void>?
    private var lastHeard = NIODeadline.now()
    private var isEnding = false
    private var hasBegun = false
    private var isEntered = false
    private var reset: Direction?

    init(floor: ServeFloor) { self.floor = floor }

    func channelActive(context: ChannelHandlerContext) {
        client = context.channel.remoteAddress.flatMap { Endpoint($0) } ?? client
        let server = context.channel.localAddress.flatMap { Endpoint($0) } ?? client
        guard floor.enter(context.channel) else {
            floor.tell(.refused(client: client, reason: "there are \(floor.options.connections) connections already"))
            return context.close(promise: nil)
        }
        isEntered = true
        let connection = ServedConnection(
            client: client, server: server, answers: floor.answers, options: floor.options, sink: floor.sink)
        connection.opened(at: floor.clock.now)
        self.connection = connection
        watch(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastHeard = .now()
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        act(connection?.received(bytes, at: floor.clock.now) ?? [], context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            act(connection?.ended(at: floor.clock.now) ?? [], context)
        } else if event is Stop {
            act(connection?.timedOut(at: floor.clock.now) ?? [.close], context)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        if let connection {
            connection.closed(reset: reset, at: floor.clock.now)
            tellProgress()
            floor.tell(.closed(client: client, packets: connection.packets))
        }
        connection = nil
        if isEntered { floor.leave(context.channel) }
        isEntered = false
    }

    /// Who does not read what it is sent is not listened to either: answers to what it says would pile up here.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        try? context.channel.syncOptions?.setOption(.autoRead, value: context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError {
            if error.errnoCode == ECONNRESET || error.errnoCode == EPIPE { reset = .client }
        } else if error is NIOSSLError || error is BoringSSLError {
            if let error = error as? NIOSSLError, case .uncleanShutdown = error { return context.close(promise: nil) }
            floor.tell(.refused(client: client, reason: Self.words(error)))
        }
        context.close(promise: nil)
    }

    /// What TLS has to say, in a line.
    private static func words(_ error: any Error) -> String {
        let words = "\(error)"
        if words.contains("HTTP_REQUEST") { return "the client speaks HTTP without TLS" }
        if words.contains("UNKNOWN_CA") || words.contains("CERTIFICATE_UNKNOWN") || words.contains("BAD_CERTIFICATE") {
            return "the client does not trust the certificate"
        }
        if words.contains("EOF during handshake") {
            return "the client left during the TLS handshake (does it trust the certificate?)"
        }
        return "TLS failed: \(words.prefix { $0 != "\n" }.prefix(200))"
    }

    private func act(_ actions: [ServedConnection.Action], _ context: ChannelHandlerContext) {
        tellProgress()
        for action in actions {
            switch action {
            case .send(let bytes):
                context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: bytes)), promise: nil)
            case .close:
                isEnding = true
                let channel = context.channel
                context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in channel.close(promise: nil) }
            case .reset:
                isEnding = true
                reset = .server
                let channel = context.channel
                context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
                    // A lingering time of none makes closing a reset.
                    guard let options = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
                    options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                        channel.close(promise: nil)
                    }
                }
            }
        }
        context.flush()
    }

    private func tellProgress() {
        guard let connection else { return }
        for exchange in connection.takeServed() {
            floor.served(exchange, client: client)
            hasBegun = false
        }
        let exchanges = connection.takeExchanges()
        if !exchanges.isEmpty { floor.tell(.finished(exchanges)) }
        if !hasBegun, let exchange = connection.ongoing {
            hasBegun = true
            floor.tell(.began(client: client, exchange))
        }
    }

    /// Ends the connection once nothing has come for long.
    private func watch(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: lastHeard + .nanoseconds(floor.options.idle)) {
            let (handler, context) = bound.value
            guard NIODeadline.now() - handler.lastHeard >= .nanoseconds(handler.floor.options.idle) else {
                return handler.watch(context)
            }
            // Who was said goodbye to, and does not read it, has had its time.
            if handler.isEnding { return context.close(promise: nil) }
            handler.act(handler.connection?.timedOut(at: handler.floor.clock.now) ?? [.close], context)
            handler.lastHeard = .now()
            handler.watch(context)
        }
    }
}
