import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing

struct TLSTests {
    private let double: S3Double

    init() async throws { double = try await S3Double.start(speaksTLS: true) }

    private func store(_ change: (inout S3Configuration) -> Void) throws -> S3Store {
        var configuration = try double.server.configuration(bucket: double.bucket)
        change(&configuration)
        return try S3Store(
            configuration, client: S3Server.client.get(), credentials: StaticCredentials(double.server.credentials),
            environment: AWSEnvironment([:]))
    }

    private func put(_ store: S3Store) async throws(StoreError) -> PutResult {
        try await store.put("k", ObjectBody(content: .bytes([1, 2, 3]), sha256: sha256([1, 2, 3])))
    }

    @Test func aCertificateOfItsOwnNeedsItsCA() async throws {
        let untrusting = try store { $0.tls.caFile = nil }
        let error = await #expect(throws: StoreError.self) { try await put(untrusting) }
        #expect(error?.kind == .configuration)
        #expect(error?.hint?.contains("ca-file") == true)
        #expect(try await put(store { _ in }).outcome == .created)
        #expect(try await store { _ in }.get("k", .whole).bytes == [1, 2, 3])
    }

    @Test func verificationIsOffOnlyWhenSaidSo() async throws {
        let trusting = try store {
            $0.tls.caFile = nil
            $0.tls.verifies = false
        }
        #expect(try await put(trusting).outcome == .created)
        // And not for others who use the same client.
        let untrusting = try store { $0.tls.caFile = nil }
        await #expect(throws: StoreError.self) { try await put(untrusting) }
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        let port = try #require(double.server.endpoint.split(separator: ":").last)
        let other = try store { $0.endpoint = "https://localhost:\(port)" }
        let error = await #expect(throws: StoreError.self) { try await put(other) }
        #expect(error?.kind == .configuration)
    }

    @Test func aCAFileThatIsNotThereIsSaid() async throws {
        let error = await #expect(throws: StoreError.self) {
            try await put(store { $0.tls.caFile = "/nonexistent/ca.pem" })
        }
        #expect(error?.kind == .configuration)
    }

    @Test func plainHTTPAtAnHTTPSEndpointIsSaid() async throws {
        let plain = try await S3Double.start()
        let port = try #require(plain.server.endpoint.split(separator: ":").last)
        let error = await #expect(throws: StoreError.self) {
            try await put(store { $0.endpoint = "https://127.0.0.1:\(port)" })
        }
        #expect(error?.hint?.contains("speak TLS") == true, "\(String(describing: error))")
    }
}
