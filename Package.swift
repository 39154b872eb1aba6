// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A library target of the house: strict settings, and only the targets listed above it as dependencies.
func room(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies + ["TestSupport"], resources: resources,
        swiftSettings: [.enableUpcomingFeature("ExistentialAny")])
}

/// `FIRN_FUZZ=1` adds the program of libFuzzer (`deploy/fuzz`), which only links with `-sanitize=fuzzer`.
let fuzzer: [Target] =
    Context.environment["FIRN_FUZZ"] == nil
    ? [] : [.executableTarget(name: "firn-fuzz", dependencies: ["FuzzTargets"], path: "Tests/Support/firn-fuzz")]

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "firn",
    products: [.executable(name: "firn", targets: ["firn"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CTLS", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CErasure", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])]),
        .systemLibrary(name: "CDecompress", providers: [.apt(["liblzma-dev", "libbz2-dev", "zlib1g-dev"])]),
        .target(name: "CSystem"),

        room("ArchiveTypes"),
        room("Threads"),
        room("Patterns", ["CPCRE2"]),
        room("Checksums", ["CCrypto", "CXXHash"]),
        room("EventTime", ["ArchiveTypes", "CSystem"]),
        room("ChunkFormat", ["ArchiveTypes", "Checksums", "EventTime", "CZstd"]),
        room("ObjectStore", ["ArchiveTypes", "Checksums", "CSystem"]),
        room("HTTPTransport", ["CCurl"]),
        room("S3", ["ArchiveTypes", "Checksums", "ObjectStore", "HTTPTransport"]),
        room("Inputs", ["ArchiveTypes", "Checksums", "CSystem", "CTLS", "CZstd", "CDecompress", "Threads"]),
        room("Spool", ["ArchiveTypes", "Checksums", "ChunkFormat", "CSystem", "Threads"]),
        room(
            "Placement",
            ["ArchiveTypes", "Checksums", "ChunkFormat", "ObjectStore", "CErasure", "Threads", logging]),
        room(
            "Archiving",
            [
                "ArchiveTypes", "Checksums", "CSystem", "EventTime", "ChunkFormat", "ObjectStore", "Placement",
                "Inputs",
                "Spool",
                "Patterns", "Threads", logging,
            ]),
        room("ArchiveIndex", ["ArchiveTypes", "Checksums", "ChunkFormat", "ObjectStore", logging]),
        room(
            "Retrieval",
            [
                "ArchiveTypes", "Checksums", "EventTime", "ChunkFormat", "ObjectStore", "Placement", "ArchiveIndex",
                "CSystem", "Patterns", "Threads",
            ]),
        room("Configuration", ["ArchiveTypes", "Patterns", .product(name: "Yams", package: "Yams")]),
        .executableTarget(
            name: "firn",
            dependencies: [
                "ArchiveTypes", "EventTime", "ChunkFormat", "ObjectStore", "HTTPTransport", "S3", "Inputs", "Spool",
                "Placement",
                "Archiving", "ArchiveIndex", "Retrieval", "Configuration", "Checksums", "Patterns", "Threads",
                "CSystem",
                logging,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .target(
            name: "TestSupport",
            dependencies: ["ArchiveTypes", "Checksums", "ObjectStore", "HTTPTransport", "S3"],
            path: "Tests/Support/TestSupport"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "ArchiveTypes", "Checksums", "EventTime", "ChunkFormat", "ObjectStore", "HTTPTransport", "S3", "Inputs",
                "Spool", "Archiving", "ArchiveIndex", "Patterns", "Retrieval", "Configuration", "TestSupport",
            ],
            path: "Tests/Support/FuzzTargets"),
        .target(
            name: "Simulation",
            dependencies: ["ArchiveTypes", "Checksums", "Inputs", "ObjectStore", "Spool", "TestSupport"],
            path: "Tests/Support/Simulation"),
        .executableTarget(name: "loggen", path: "Tests/Support/loggen"),
        tests("ArchiveTypesTests", ["ArchiveTypes", "Checksums"]),
        tests("EventTimeTests", ["EventTime", "ArchiveTypes"], resources: [.copy("Samples")]),
        tests(
            "ChunkFormatTests", ["ChunkFormat", "EventTime", "ArchiveTypes", "Checksums"], resources: [.copy("Golden")]),
        tests("ObjectStoreTests", ["ObjectStore", "ArchiveTypes", "Checksums"]),
        tests("S3Tests", ["S3", "HTTPTransport", "ObjectStore", "ArchiveTypes", "Checksums"]),
        tests("InputsTests", ["Inputs", "ArchiveTypes", "CDecompress", "CZstd", "Simulation"]),
        tests("SpoolTests", ["Spool", "ChunkFormat", "ArchiveTypes", "Checksums", "Simulation"]),
        tests(
            "PlacementTests",
            [
                "Placement", "Archiving", "ArchiveIndex", "Retrieval", "Spool", "ChunkFormat", "EventTime", "Inputs",
                "ObjectStore", "ArchiveTypes", "Checksums", logging,
            ]),
        tests(
            "ArchivingTests",
            [
                "Archiving", "Checksums", "Inputs", "Patterns", "Spool", "ChunkFormat", "ObjectStore", "EventTime",
                "ArchiveTypes",
            ]),
        tests(
            "SimulationTests",
            [
                "Archiving", "ArchiveTypes", "Checksums", "ChunkFormat", "CZstd", "EventTime", "Inputs", "ObjectStore",
                "Simulation", "Spool", logging,
            ]),
        tests(
            "ArchiveIndexTests",
            ["ArchiveIndex", "ChunkFormat", "ObjectStore", "ArchiveTypes", "Checksums", "EventTime", logging],
            resources: [.copy("Golden")]),
        tests(
            "RetrievalTests",
            [
                "Retrieval", "ArchiveIndex", "Placement", "ChunkFormat", "ObjectStore", "EventTime", "Checksums",
                "ArchiveTypes", "Patterns", logging,
            ]),
        tests("ConfigurationTests", ["Configuration", "ArchiveTypes"]),
        tests("CommandTests", ["firn", .product(name: "ArgumentParser", package: "swift-argument-parser")]),
        tests("FuzzTests", ["FuzzTargets"], resources: [.copy("Regressions")]),
    ] + fuzzer,
    swiftLanguageModes: [.v6]
)
