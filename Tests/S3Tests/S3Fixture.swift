import ArchiveTypes
import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing

/// A bucket of the double, and stores over it.
struct S3Fixture: Sendable {
    let double: S3Double
    let store: S3Store
    /// With a stall timeout that a test can wait for; on a busy machine it may hit answers that are merely slow.
    let impatient: S3Store

    init() async throws {
        double = try await S3Double.start()
        var configuration = try double.server.configuration(bucket: double.bucket, prefix: "archive")
        store = try Self.store(configuration)
        configuration.timeouts.stall = .milliseconds(400)
        impatient = try Self.store(configuration)
    }

    static func store(
        _ configuration: S3Configuration, _ credentials: (any CredentialsProvider)? = nil,
        now: (@Sendable () -> Nanoseconds)? = nil
    ) throws -> S3Store {
        try S3Store(
            configuration, client: S3Server.client.get(),
            credentials: credentials ?? StaticCredentials(S3Double.credentials), environment: AWSEnvironment([:]),
            now: now)
    }
}

/// What the suites against the double share.
protocol S3DoubleSuite {
    var fixture: S3Fixture { get }
}

extension S3DoubleSuite {
    var double: S3Double { fixture.double }
    var store: S3Store { fixture.store }
    var impatient: S3Store { fixture.impatient }
    var bucket: String { double.bucket }
    var bytes: [UInt8] { hundredThousand }
    var body: ObjectBody { ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)) }

    func failure<Value>(_ work: () async throws(StoreError) -> Value) async -> StoreError? {
        do throws(StoreError) {
            _ = try await work()
            return nil
        } catch { return error }
    }

    /// One request of each operation; answers are compared with what was put.
    func run(_ operation: String, on store: some ObjectStore) async throws(StoreError) {
        switch operation {
        case "PUT": _ = try await store.put("k/new-\(UInt64.random(in: .min ... .max))", body)
        case "GET":
            // Not `==` within #expect: a failure would print it all.
            let isSame = try await store.get("k/held", .whole).bytes == bytes
            #expect(isSame)
        case "RANGE":
            let isSame =
                try await store.get("k/held", .bytes(offset: 1000, length: 5000)).bytes == Array(bytes[1000..<6000])
            #expect(isSame)
        case "HEAD":
            let size = try await store.size("k/held")
            #expect(size == 100_000)
        case "LIST":
            let page = try await store.list(prefix: "k/", after: nil, limit: 10)
            #expect(page.entries.contains(.init(key: "k/held", size: 100_000)))
        default: try await store.delete("k/other")
        }
    }
}

private let hundredThousand = (0..<100_000).map { UInt8(truncatingIfNeeded: ($0 * $0) >> 5 ^ $0) }

extension RetryPolicy {
    /// Without waits worth the name.
    static var impatient: RetryPolicy {
        var policy = RetryPolicy()
        policy.firstCeiling = .milliseconds(1)
        policy.greatestCeiling = .milliseconds(1)
        return policy
    }
}
