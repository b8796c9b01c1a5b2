// swift-tools-version: 6.2
import PackageDescription

/// Shared by every target: Swift 6 mode is implied by the tools version; what the compiler
/// doubts about is an error, and every unsafe expression has to say so.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // The experimental flag SwiftNIO itself ships with: functions that return spans.
    .enableExperimentalFeature("Lifetimes"),
]

let package = Package(
    name: "upgradescope",
    products: [
        .executable(name: "upgradescope", targets: ["upgradescope"]),
        .library(name: "Traffic", targets: ["Traffic"]),
        .library(name: "Inspection", targets: ["Inspection"]),
        .library(name: "Reports", targets: ["Reports"]),
        .library(name: "LiveCapture", targets: ["LiveCapture"]),
        .library(name: "LiveView", targets: ["LiveView"]),
        .library(name: "Metrics", targets: ["Metrics"]),
        .library(name: "Replay", targets: ["Replay"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CPcap", pkgConfig: "libpcap", providers: [.apt(["libpcap-dev"])]),
        .target(
            name: "Traffic",
            dependencies: ["CZlib", "CZstd", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(name: "Inspection", dependencies: ["Traffic"], swiftSettings: strict),
        .target(
            name: "Reports",
            dependencies: ["Inspection", "Replay", "Traffic", .product(name: "Crypto", package: "swift-crypto")],
            resources: [
                .embedInCode("Resources/page.css"), .embedInCode("Resources/page.js"),
                .embedInCode("Resources/report.schema.json"), .embedInCode("Resources/replay.schema.json"),
            ],
            swiftSettings: strict),
        .target(name: "LiveCapture", dependencies: ["CPcap", "Traffic"], swiftSettings: strict),
        .target(name: "Workers", swiftSettings: strict),
        .target(
            name: "LiveView", dependencies: ["Reports", "Inspection", "Traffic", "Workers"], swiftSettings: strict),
        .target(
            name: "Metrics",
            dependencies: [
                "Inspection", "Traffic",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(
            name: "Replay",
            dependencies: [
                "CZlib", "Inspection", "Traffic",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "upgradescope",
            dependencies: [
                "Reports", "Inspection", "Traffic", "LiveCapture", "LiveView", "Metrics", "Replay", "Workers",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .testTarget(name: "LiveCaptureTests", dependencies: ["LiveCapture", "Traffic"], swiftSettings: strict),
        .testTarget(
            name: "ReplayTests",
            dependencies: [
                "Replay", "Inspection", "Traffic",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            exclude: ["Lab/changed_server.py", "Lab/failing_server.py"],
            swiftSettings: strict),
        // A capture on the live view's terminal, for its tests.
        .executableTarget(
            name: "LiveViewStage", dependencies: ["LiveView", "Inspection", "Traffic"], path: "Tests/LiveViewStage",
            swiftSettings: strict),
        .testTarget(
            name: "LiveViewTests", dependencies: ["LiveView", "Reports", "Inspection", "Traffic"],
            swiftSettings: strict),
        .testTarget(name: "MetricsTests", dependencies: ["Metrics", "Inspection", "Traffic"], swiftSettings: strict),
        .testTarget(name: "TrafficTests", dependencies: ["Traffic", "CZlib"], swiftSettings: strict),
        .testTarget(name: "InspectionTests", dependencies: ["Inspection", "Traffic"], swiftSettings: strict),
        .testTarget(
            name: "ReportsTests", dependencies: ["Reports", "Replay", "Inspection", "Traffic"], swiftSettings: strict),
        .testTarget(
            name: "UpgradescopeTests", dependencies: ["LiveViewStage", "Reports", "Inspection", "Traffic"],
            swiftSettings: strict),
        // Whether the product is right: every capture with a known truth, damage, splitting, the samples.
        .testTarget(
            name: "GroundTruthTests", dependencies: ["Reports", "Inspection", "Traffic"],
            exclude: ["Tunnels", "differences.json", "rules-in-captures.txt"], swiftSettings: strict),
    ]
)
