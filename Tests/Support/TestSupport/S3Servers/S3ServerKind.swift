import ObjectStore
import S3
import Synchronization
import Testing

/// The S3 servers that the tests can run against; all but `double` are other people's.
package enum S3ServerKind: String, Sendable, CaseIterable, CustomTestStringConvertible {
    case seaweedfs, rclone, moto, minio, double
    /// `FIRN_TEST_S3_ENDPOINT`, with the usual AWS variables.
    case endpoint

    package var testDescription: String { rawValue }

    /// A PUT with `If-None-Match: *` never overwrites (shared measurements; a MinIO of today does, one of 2019 does not).
    package var preventsOverwrite: Bool { self == .seaweedfs || self == .moto || self == .double }

    /// A wrong secret is refused: moto accepts any.
    package var checksSignatures: Bool { self != .moto }

    /// Some digest of those that a PUT carries is checked.
    package var checksDigests: Bool { self != .moto }

    /// SeaweedFS sorts folder by folder.
    package var ordersByWholeKeys: Bool { self != .seaweedfs }

    /// The server, started at its first use and running until the tests end.
    ///
    /// A test that needs a server which is not there is cancelled, with the reason; with `FIRN_TEST_REQUIRE_SERVERS=1` it
    /// fails. `minio` and `endpoint` are never required: they cannot be installed by the tests.
    package func running() async throws -> S3Server {
        guard let launch else {
            guard TestPaths.variable("FIRN_TEST_REQUIRE_SERVERS") != "1" || isOptional else {
                throw GuardedProcess.Failure(description: "\(rawValue) is required, and \(absence)")
            }
            try Test.cancel("\(absence)")
        }
        return try await Self.servers.server(self, launch)
    }

    private var isOptional: Bool { self == .minio || self == .endpoint }

    private var absence: Comment {
        switch self {
        case .endpoint: "FIRN_TEST_S3_ENDPOINT is not set"
        case .minio: "there is no program minio on the PATH"
        default: "\(rawValue) is not installed: run Tests/Support/install-test-servers"
        }
    }

    private static let servers = RunningServers()
}

/// Each server is started once, whoever asks first.
private actor RunningServers {
    private var tasks: [S3ServerKind: Task<S3Server, any Error>] = [:]

    func server(
        _ kind: S3ServerKind, _ launch: @escaping @Sendable () async throws -> S3Server
    ) async throws -> S3Server {
        let task = tasks[kind] ?? Task { try await launch() }
        tasks[kind] = task
        return try await task.value
    }
}
