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
        .library(name: "Ground", targets: ["Ground"]),
        .library(name: "Traffic", targets: ["Traffic"]),
        .library(name: "Inspection", targets: ["Inspection"]),
        .library(name: "Investigation", targets: ["Investigation"]),
        .library(name: "Reports", targets: ["Reports"]),
        .library(name: "ReplayReports", targets: ["ReplayReports"]),
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
        // Bytes and text, and no protocol.
        .target(
            name: "Ground", dependencies: [.product(name: "Crypto", package: "swift-crypto")], swiftSettings: strict),
        .target(name: "Traffic", dependencies: ["CZlib", "CZstd", "Ground"], swiftSettings: strict),
        .target(name: "Inspection", dependencies: ["Ground", "Traffic"], swiftSettings: strict),
        .target(
            name: "Investigation", dependencies: ["Ground", "Inspection", "Traffic", "Workers"], swiftSettings: strict),
        .target(
            name: "Reports",
            dependencies: [
                "Ground", "Investigation", "Inspection", "Traffic", .product(name: "Crypto", package: "swift-crypto"),
            ],
            resources: [
                .embedInCode("Resources/page.css"), .embedInCode("Resources/page.js"),
                .embedInCode("Resources/report.schema.json"),
            ],
            swiftSettings: strict),
        .target(
            name: "ReplayReports",
            dependencies: ["Ground", "Reports", "Replay", "Investigation", "Inspection", "Traffic"],
            resources: [.embedInCode("Resources/replay.schema.json")], swiftSettings: strict),
        .target(name: "LiveCapture", dependencies: ["CPcap", "Ground", "Traffic"], swiftSettings: strict),
        .target(name: "Workers", swiftSettings: strict),
        .target(
            name: "LiveView", dependencies: ["Ground", "Reports", "Inspection", "Traffic", "Workers"],
            swiftSettings: strict),
        .target(
            name: "Metrics",
            dependencies: [
                "Ground", "Inspection", "Traffic",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .target(
            name: "Replay",
            dependencies: [
                "CZlib", "Ground", "Inspection", "Traffic",
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
                "Ground", "Investigation", "Reports", "ReplayReports", "Inspection", "Traffic", "LiveCapture",
                "LiveView",
                "Metrics", "Replay", "Workers",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // What several test targets share: packets, a listener, programs and servers, where the captures are.
        .target(
            name: "TestSupport", dependencies: ["Inspection", "Traffic"], path: "Tests/Support", exclude: ["Servers"],
            swiftSettings: strict),
        .testTarget(
            name: "LiveCaptureTests", dependencies: ["TestSupport", "LiveCapture", "Traffic"], swiftSettings: strict),
        .testTarget(
            name: "ReplayTests",
            dependencies: [
                "TestSupport", "Replay", "Inspection", "Traffic",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: strict),
        // A capture on the live view's terminal, for its tests.
        .executableTarget(
            name: "LiveViewStage", dependencies: ["LiveView", "Inspection", "Traffic"], path: "Tests/LiveViewStage",
            swiftSettings: strict),
        .testTarget(
            name: "LiveViewTests",
            dependencies: ["TestSupport", "LiveView", "Reports", "Investigation", "Inspection", "Traffic"],
            swiftSettings: strict),
        .testTarget(
            name: "MetricsTests", dependencies: ["TestSupport", "Metrics", "Inspection", "Traffic"],
            swiftSettings: strict),
        .testTarget(name: "GroundTests", dependencies: ["TestSupport", "Ground"], swiftSettings: strict),
        .testTarget(
            name: "TrafficTests", dependencies: ["TestSupport", "Ground", "Traffic", "CZlib"], swiftSettings: strict),
        .testTarget(
            name: "InspectionTests", dependencies: ["TestSupport", "Ground", "Inspection", "Traffic"],
            swiftSettings: strict),
        .testTarget(
            name: "ReportsTests",
            dependencies: [
                "TestSupport", "Reports", "ReplayReports", "Replay", "Investigation", "Inspection", "Traffic", "Ground",
            ],
            exclude: ["Golden"], swiftSettings: strict),
        .testTarget(
            name: "UpgradescopeTests",
            dependencies: ["TestSupport", "LiveViewStage", "Investigation", "Reports", "Inspection", "Traffic"],
            swiftSettings: strict),
        // Whether the product is right: every capture with a known truth, damage, splitting, the samples.
        .testTarget(
            name: "GroundTruthTests",
            dependencies: ["TestSupport", "Investigation", "Reports", "Inspection", "Traffic"],
            exclude: ["Tunnels", "differences.json", "rules-in-captures.txt"], swiftSettings: strict),
    ]
)
