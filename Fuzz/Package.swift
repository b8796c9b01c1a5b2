// swift-tools-version: 6.2
import PackageDescription

// Feeds bytes that mean nothing to every reader. Not part of `make test`: see run.sh.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "upgradescope", path: "..")],
    targets: [
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                .product(name: "Ground", package: "upgradescope"),
                .product(name: "Traffic", package: "upgradescope"),
                .product(name: "Replay", package: "upgradescope"),
                .product(name: "Inspection", package: "upgradescope"),
                .product(name: "Investigation", package: "upgradescope"),
                .product(name: "Reports", package: "upgradescope"),
            ],
            swiftSettings: [
                .strictMemorySafety(),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .enableExperimentalFeature("Lifetimes"),
                // libFuzzer brings `main`.
                .unsafeFlags(["-parse-as-library"]),
            ])
    ]
)
