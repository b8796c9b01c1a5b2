// A small HTTP server with one page: /metrics.
//
// It answers from the latest snapshot and asks nobody, so that whoever reads it cannot slow the capture down. Its peers
// are strangers: few connections at a time, short heads, no bodies, and a time for everything after which a connection
// is closed.

import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Serves metrics over HTTP.
public final class MetricsServer: Sendable {
    /// What peers may use.
    public struct Limits: Sendable {
        public var connections = 16
        public var headBytes = 8 * 1024
        /// Seconds without progress of a request or an answer.
        public var idleSeconds: Int64 = 10
        /// Seconds a connection lasts at most.
        public var lifetimeSeconds: Int64 = 60
        public init() {}
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let store: Store

    /// Listens; throws where that is not possible.
    public init(_ address: MetricsAddress, limits: Limits = Limits()) throws {
        let store = Store()
        self.store = store
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: 16)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard store.enter(limit: limits.connections) else { throw Refused() }
                    channel.closeFuture.whenComplete { _ in store.exit() }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(
                        IdleStateHandler(allTimeout: .seconds(limits.idleSeconds)))
                    try pipeline.addHandler(HeadGuard(limit: limits.headBytes))
                    try pipeline.configureHTTPServerPipeline(
                        withPipeliningAssistance: true, withServerUpgrade: nil, withErrorHandling: true)
                    try pipeline.addHandler(MetricsHandler(store: store))
                    // Whatever a peer does: this long and no longer.
                    let life = channel.eventLoop.scheduleTask(in: .seconds(limits.lifetimeSeconds)) {
                        channel.close(promise: nil)
                    }
                    channel.closeFuture.whenComplete { _ in life.cancel() }
                }
            }
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
        do {
            channel = try bootstrap.bind(host: address.host, port: address.port).wait()
        } catch {
            try? group.syncShutdownGracefully()
            throw ListenFailure(error)
        }
    }

    /// Why an address cannot be listened on, in words.
    public struct ListenFailure: Error, CustomStringConvertible {
        public let description: String

        fileprivate init(_ error: any Error) {
            description =
                if error is SocketAddressError {
                    "there is no such host"
                } else {
                    switch (error as? IOError)?.errnoCode {
                    case EADDRINUSE: "the address is in use"
                    case EACCES: "not permitted"
                    case EADDRNOTAVAIL: "there is no such address here"
                    default: "\(error)"
                    }
                }
        }
    }

    /// Where it listens, with the port the system chose.
    public var address: String {
        guard let local = channel.localAddress, let host = local.ipAddress, let port = local.port else { return "" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// What is answered from now on.
    public func publish(_ families: [MetricFamily]) { store.publish(families) }

    /// Closes everything.
    public func stop() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
    }

    private struct Refused: Error {}
}

/// What the server and its connections share.
private final class Store: Sendable {
    private let families = Mutex<[MetricFamily]>([])
    private let connections = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let started = ProcessUsage.now

    func publish(_ new: [MetricFamily]) { families.withLock { $0 = new } }

    /// Room for one more connection.
    func enter(limit: Int) -> Bool {
        if connections.wrappingAdd(1, ordering: .relaxed).newValue <= limit { return true }
        connections.wrappingSubtract(1, ordering: .relaxed)
        refused.wrappingAdd(1, ordering: .relaxed)
        return false
    }

    func exit() { connections.wrappingSubtract(1, ordering: .relaxed) }

    var page: String {
        let all = families.withLock { $0 } + ProcessUsage.families(started: started)
        return Exposition.text(all)
    }
}

/// Closes a connection whose request head is longer than any scraper's.
private final class HeadGuard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let limit: Int
    private var bytes = 0
    private var ends = 0

    init(limit: Int) { self.limit = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = Self.unwrapInboundIn(data)
        for byte in buffer.readableBytesView {
            bytes += 1
            // CR LF CR LF, or LF LF: the head is over.
            ends = byte == 0x0a ? ends + 1 : byte == 0x0d ? ends : 0
            if ends == 2 { (bytes, ends) = (0, 0) }
            guard bytes <= limit else {
                context.close(promise: nil)
                return
            }
        }
        context.fireChannelRead(data)
    }
}

/// Answers one request after the other.
private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let store: Store
    private var request: HTTPRequestHead?
    /// The end of the latest answer.
    private var written: EventLoopFuture<Void>?

    init(store: Store) { self.store = store }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head): request = head
        case .body:
            // Nobody has anything to tell us.
            if let request { answer(request, .payloadTooLarge, "", context, closes: true) }
            request = nil
        case .end:
            guard let head = request else { return }
            request = nil
            respond(to: head, context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        // The peer has said all: when it has its answer it may go.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            let channel = context.channel
            guard let written else { return context.close(promise: nil) }
            written.whenComplete { _ in channel.close(promise: nil) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET || head.method == .HEAD else {
            return answer(head, .methodNotAllowed, "only GET\n", context, extra: [("Allow", "GET, HEAD")])
        }
        switch head.uri.prefix(while: { $0 != "?" }) {
        case "/metrics": answer(head, .ok, store.page, context, type: Exposition.contentType)
        case "/": answer(head, .ok, "upgradescope: the metrics are at /metrics\n", context)
        default: answer(head, .notFound, "the metrics are at /metrics\n", context)
        }
    }

    private func answer(
        _ request: HTTPRequestHead, _ status: HTTPResponseStatus, _ text: String, _ context: ChannelHandlerContext,
        type: String = "text/plain; charset=utf-8", extra: [(String, String)] = [], closes: Bool = false
    ) {
        let keeps = request.isKeepAlive && !closes
        var fields = HTTPHeaders(extra)
        fields.add(name: "Content-Type", value: type)
        fields.add(name: "Content-Length", value: String(text.utf8.count))
        fields.add(name: "X-Content-Type-Options", value: "nosniff")
        if !keeps { fields.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: fields)
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
        }
        let channel = context.channel
        let written = context.writeAndFlush(Self.wrapOutboundOut(.end(nil)))
        self.written = written
        if !keeps { written.whenComplete { _ in channel.close(promise: nil) } }
    }
}
