import Configuration
import HTTPTransport
import ObjectStore
import S3

/// A store with everything around it that its users count on: retries, a bound on concurrency, and a meter.
struct OpenStore {
    var store: any ObjectStore

    /// Requests that may be under way at once.
    private static let concurrency = 32
    /// A directory may be a network file system that hangs. A disk that is slower than that is as good as down. (HTTP has
    /// timeouts of its own.)
    private static let directoryTimeout = Duration.seconds(60)
    private static let directoryBytesPerSecond: UInt64 = 1 << 20

    /// - Parameters:
    ///   - create: makes a directory where it is missing. Who only reads never creates a store.
    ///   - meter: counts what really reaches the store.
    init(_ configuration: StoreConfiguration, create: Bool, policy: RetryPolicy, meter: StoreMeter) throws {
        let bare = try Self.bareStore(configuration, create: create)
        let metered = MeteredStore(bare, meter: meter)
        let limited = LimitedStore(metered, concurrency: Self.concurrency)
        store = RetryingStore(limited, policy: policy, meter: meter)
    }

    private static func bareStore(_ configuration: StoreConfiguration, create: Bool) throws -> any ObjectStore {
        switch configuration.location {
        case .directory(let path):
            let store = try DirectoryStore(path: path, name: configuration.name, create: create)
            return TimeoutStore(
                store, timeout: directoryTimeout, leastBytesPerSecond: directoryBytesPerSecond)
        case .s3(let location):
            do throws(S3ConfigurationError) {
                let client = try makeClient(configuration.name)
                return try S3Store(S3Configuration(location, name: configuration.name), client: client)
            } catch {
                throw CommandFailure(sentence: "store \(configuration.name): \(error)")
            }
        }
    }

    private static func makeClient(_ name: String) throws(S3ConfigurationError) -> HTTPClient {
        do throws(HTTPFailure) {
            return try HTTPClient(maximumTransfers: concurrency)
        } catch {
            throw S3ConfigurationError("HTTP cannot be used: \(error)", hint: "check the installation of libcurl")
        }
    }
}

extension S3Configuration {
    fileprivate init(_ location: S3Location, name: String) throws(S3ConfigurationError) {
        try self.init(name: name, bucket: location.bucket, prefix: location.prefix)
        endpoint = location.endpoint
        region = location.region
        pathStyle = location.pathStyle
        profile = location.profile
        tls = TLSOptions(caFile: location.caFile, verifies: location.verifiesTLS)
    }
}
