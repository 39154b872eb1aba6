import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing

/// The same suite for every server that is there.
struct S3ServerTests {
    @Test(arguments: S3ServerKind.allCases, StoreConformance.Check.allCases)
    func conforms(_ kind: S3ServerKind, _ check: StoreConformance.Check) async throws {
        let server = try await kind.running()
        let store = try await server.store(bucket: server.makeBucket(), prefix: "archive/of tests+1")
        let expected = StoreConformance.Expectations(
            preventsOverwrite: kind.preventsOverwrite, checksDigests: kind.checksDigests,
            ordersByWholeKeys: kind.ordersByWholeKeys, keysToList: 1200)
        try await StoreConformance(store: store, expecting: expected).run(check)
    }

    @Test(arguments: S3ServerKind.allCases)
    func aMissingBucketIsNamed(_ kind: S3ServerKind) async throws {
        let store = try await kind.running().store(bucket: "firn-no-such-bucket")
        let body = ObjectBody(content: .bytes([1]), sha256: sha256([1]))
        for error in await [
            #expect(throws: StoreError.self) { try await store.put("k", body) },
            #expect(throws: StoreError.self) { try await store.list(prefix: "", after: nil, limit: 10) },
        ] {
            #expect(error?.kind == .configuration, "\(String(describing: error))")
            #expect(error?.hint?.contains("firn-no-such-bucket") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: S3ServerKind.allCases)
    func aWrongSecretIsSaid(_ kind: S3ServerKind) async throws {
        guard kind.checksSignatures else { return }
        let server = try await kind.running()
        var credentials = server.credentials
        credentials.secretAccessKey = Secret("wrong")
        let store = try await S3Store(
            server.configuration(bucket: server.makeBucket()), client: S3Server.client.get(),
            credentials: StaticCredentials(credentials), environment: AWSEnvironment([:]))
        let error = await #expect(throws: StoreError.self) { try await store.list(prefix: "", after: nil, limit: 10) }
        #expect(error?.kind == .configuration, "\(String(describing: error))")
        #expect(error?.hint != nil)
    }

    @Test(arguments: S3ServerKind.allCases)
    func aWrongClockIsCorrected(_ kind: S3ServerKind) async throws {
        let server = try await kind.running()
        let store = try await S3Store(
            server.configuration(bucket: server.makeBucket()), client: S3Server.client.get(),
            credentials: StaticCredentials(server.credentials), environment: AWSEnvironment([:]),
            now: { WallClock.now() - 20 * 60 * 1_000_000_000 })
        let result = try await store.put("k", ObjectBody(content: .bytes([1]), sha256: sha256([1])))
        #expect(abs(result.storeTime - WallClock.now()) < 60 * 1_000_000_000)
    }
}
