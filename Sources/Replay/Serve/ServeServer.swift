// The sockets of a stand-in: a listener, its connections on one event loop, and for each a machine that decides.

internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization
public import Traffic

/// How a stand-in speaks TLS.
public enum ServeSecurity: Sendable {
    case selfMade(SelfMadeCertificate)
    /// PEM files.
    case files(certificate: String, key: String)

    fileprivate func context() throws(ServeError) -> NIOSSLContext {
        var configuration: TLSConfiguration
        switch self {
        case .selfMade(let made):
            configuration = .makeServerConfiguration(
                certificateChain: [.certificate(made.certificate)], privateKey: .privateKey(made.key))
        case .files(let certificate, let key):
            guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate), !chain.isEmpty else {
                throw ServeError("\(certificate): no certificate can be read from it", isUsage: true)
            }
            guard let privateKey = try? NIOSSLPrivateKey(file: key, format: .pem) else {
                throw ServeError("\(key): no private key can be read from it", isUsage: true)
            }
            configuration = .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        }
        configuration.applicationProtocols = ["http/1.1"]
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            // Each of them could be read alone.
            let isMismatch = (error as? NIOSSLError) == .failedToLoadPrivateKey
            let words = isMismatch ? "the key is not that of the certificate" : "\(error)"
            throw ServeError("TLS cannot be set up: \(words)", isUsage: true)
        }
    }
}

/// What a stand-in tells while it serves.
public enum ServeEvent: Sendable {
    /// A request was answered with a switch; the session goes on.
    case began(client: Endpoint, ServedExchange)
    /// A request was answered, and what followed is over.
    case served(client: Endpoint, ServedExchange)
    /// Exchanges that are over, as the analyzer saw them.
    case finished([Exchange])
    /// A connection is over; what was said in it makes so many packets.
    case closed(client: Endpoint, packets: UInt32)
    /// A connection was not served, and why.
    case refused(client: Endpoint, reason: String)
}

/// Why a stand-in cannot begin.
public struct ServeError: Error, CustomStringConvertible {
    public var description: String
    /// What it was told to serve with does not fit.
    public var isUsage: Bool

    public init(_ description: String, isUsage: Bool = false) {
        self.description = description
        self.isUsage = isUsage
    }
}

/// Listens, and answers as the recorded server did.
public final class ServeServer {
    private let answers: RecordedAnswers
    private let options: ServeOptions
    private let security: ServeSecurity?
    private let sink: any PacketSink
    private let clock: LiveClock

    /// `start` is the time of day now; `sink` keeps the packets of what is said.
    public init(
        answers: RecordedAnswers, options: ServeOptions = ServeOptions(), security: ServeSecurity? = nil,
        sink: (any PacketSink)? = nil, start: Timestamp
    ) {
        self.answers = answers
        self.options = options
        self.security = security
        self.sink = sink ?? PacketNumbers()
        clock = LiveClock(start: start)
    }

    /// Serves until `isStopped`, which is asked ten times a second, or until `most` exchanges were answered.
    ///
    /// `listening` is told the address once connections are taken; `tell` what happens, always on one thread. Not to be
    /// called on an event loop.
    public func run(
        host: String, port: Int, most: Int? = nil, isStopped: @escaping @Sendable () -> Bool,
        listening: (Endpoint) -> Void, tell: @escaping @Sendable (ServeEvent) -> Void
    ) throws(ServeError) {
        let tls = try security?.context()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { try? group.syncShutdownGracefully() }
        let loop = group.next()
        let floor = ServeFloor(
            answers: answers, options: options, sink: sink, clock: clock, most: most, tell: tell)
        let isOver = loop.makePromise(of: Void.self)
        let bootstrap = ServerBootstrap(group: group)
            // As many may knock at once as are let in: the kernel forgets what is more, and its peer tries again a second later.
            .serverChannelOption(.backlog, value: Int32(clamping: max(256, options.connections)))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(ServeHandler(floor: floor))
                }
            }
        let listener: any Channel
        do {
            listener = try bootstrap.bind(host: host, port: port).wait()
        } catch {
            isOver.succeed()
            throw ServeError("\(host):\(port) cannot be listened on: \(Self.words(error))")
        }
        listening(listener.localAddress.flatMap { Endpoint($0) } ?? Endpoint(address: IPAddress(v4: 0), port: 0))
        let watch = loop.scheduleRepeatedTask(initialDelay: .milliseconds(50), delay: .milliseconds(50)) { task in
            guard isStopped() || floor.isDone else { return }
            task.cancel()
            listener.close(promise: nil)
            floor.stop(isOver)
            // Who does not read what was sent is not waited for.
            loop.scheduleTask(in: .seconds(2)) { floor.abandon() }
        }
        try? isOver.futureResult.wait()
        watch.cancel()
    }

    private static func words(_ error: any Error) -> String {
        if error is SocketAddressError.UnknownHost { return "the name is not known" }
        guard let error = error as? IOError else { return "\(error)" }
        switch error.errnoCode {
        case EADDRINUSE: return "it is in use"
        case EACCES: return "not permitted"
        case EADDRNOTAVAIL: return "no such address here"
        default: return "\(error)"
        }
    }
}

/// Numbers packets that nobody keeps: exchanges of all connections are told apart by them.
private final class PacketNumbers: PacketSink {
    private let last = Atomic<UInt32>(0)

    func write(_ packet: [UInt8], at time: Timestamp) -> UInt32 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
