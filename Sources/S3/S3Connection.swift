import ArchiveTypes
import HTTPTransport
import ObjectStore

/// Addresses, signs and sends the operations of one store, and tells refusals apart. Three things are put right by
/// asking once more: a wrong clock, expired credentials that have been renewed meanwhile, and nothing else; retrying is
/// a decorator's.
final class S3Connection: Sendable {
    let configuration: S3Configuration
    let address: S3Address
    let clock: ServerClock
    private let client: HTTPClient
    private let provider: any CredentialsProvider
    private let signature: SignatureV4
    private let tls: TLSOptions

    init(
        _ configuration: S3Configuration, _ address: S3Address, _ client: HTTPClient,
        _ provider: any CredentialsProvider, _ clock: ServerClock, environment: AWSEnvironment
    ) {
        self.configuration = configuration
        self.address = address
        self.client = client
        self.provider = provider
        self.clock = clock
        signature = SignatureV4(region: address.region)
        tls = TLSOptions(
            caFile: configuration.tls.caFile ?? environment["AWS_CA_BUNDLE"], verifies: configuration.tls.verifies)
    }

    func perform(_ operation: S3Operation) async throws(StoreError) -> S3Answer {
        var hasCorrectedClock = false
        var hasRenewed = false
        while true {
            let signed = clock.now
            let response = try await send(operation, at: signed)
            let refusal = response.isSuccess ? nil : S3Refusal(response)
            guard let refusal else { return .success(response) }
            if !hasCorrectedClock, corrects(refusal, signed) {
                hasCorrectedClock = true
            } else if !hasRenewed, ["ExpiredToken", "InvalidToken", "TokenRefreshRequired"].contains(refusal.code) {
                hasRenewed = true
                provider.invalidate()
            } else {
                return .refused(refusal)
            }
        }
    }

    /// Servers differ in the status and code of a signature that is too old: 403 RequestTimeTooSkewed, 400 AccessDenied.
    private func corrects(_ refusal: S3Refusal, _ signed: Nanoseconds) -> Bool {
        guard refusal.status == 403 || refusal.status == 400, let date = refusal.date else { return false }
        return clock.correct(by: date, signed: signed)
    }

    private func send(_ operation: S3Operation, at time: Nanoseconds) async throws(StoreError) -> HTTPResponse {
        let credentials = try await credentials(operation)
        var signing = SignatureV4.Request(
            method: operation.method.rawValue, path: address.basePath + "/" + (operation.key ?? ""),
            query: operation.query, headers: operation.headers, payloadHash: operation.payloadHash)
        // A bucket in the path is named without a slash behind it; in the host name, the slash is all there is.
        if operation.key == nil, !address.basePath.isEmpty { signing.path = address.basePath }
        signing.headers.append("Host", address.authority)
        signing.headers.append("x-amz-content-sha256", operation.payloadHash)
        let canonical = signature.sign(&signing, credentials, at: time)
        let url = "\(address.scheme)://\(address.authority)\(canonical.path)"
        let request = HTTPRequest(
            operation.method, canonical.query.isEmpty ? url : "\(url)?\(canonical.query)", headers: signing.headers,
            body: operation.body, responseLimit: operation.responseLimit, timeouts: timeouts(operation),
            tls: tls, bypassesProxy: address.isLoopback)
        do throws(HTTPFailure) {
            return try await client.send(request)
        } catch {
            throw storeError(error, operation)
        }
    }

    private func credentials(_ operation: S3Operation) async throws(StoreError) -> Credentials {
        do throws(CredentialsError) {
            return try await provider.credentials()
        } catch {
            throw StoreError(
                .configuration, store: configuration.name, operation: operation.title, reason: error.reason,
                hint: error.hint)
        }
    }

    /// Whoever trickles bytes never stalls: unless configured, the whole may take a minute and what 32 KiB/s take.
    private func timeouts(_ operation: S3Operation) -> HTTPTimeouts {
        var timeouts = configuration.timeouts
        guard timeouts.total == nil else { return timeouts }
        let bytes = max(operation.body.length ?? 0, UInt64(operation.responseLimit))
        timeouts.total = .seconds(60 + Int64(bytes / (32 << 10)))
        return timeouts
    }

    /// The store's clock at the answer.
    func time(of response: HTTPResponse) -> Nanoseconds {
        response.headers["Date"].flatMap(HTTPDate.parse) ?? clock.now
    }

    // MARK: Errors

    func storeError(_ refusal: S3Refusal, _ operation: S3Operation) -> StoreError {
        StoreError(
            refusal.kind, store: configuration.name, operation: operation.title, reason: refusal.text,
            hint: refusal.hint(bucket: configuration.bucket, address: address), retryAfter: refusal.retryAfter,
            status: refusal.status)
    }

    func storeError(_ kind: StoreError.Kind, _ operation: S3Operation, _ reason: String, hint: String? = nil)
        -> StoreError
    {
        StoreError(kind, store: configuration.name, operation: operation.title, reason: reason, hint: hint)
    }

    private func storeError(_ failure: HTTPFailure, _ operation: S3Operation) -> StoreError {
        let (kind, hint) = meaning(failure.kind)
        let reason = failure.kind == .cancelled ? failure.message : "\(failure.message) (\(address.endpoint))"
        return storeError(kind, operation, reason, hint: hint)
    }

    private func meaning(_ kind: HTTPFailure.Kind) -> (StoreError.Kind, hint: String?) {
        switch kind {
        case .refused, .connectTimeout:
            (.transient, "is the server at \(address.endpoint) running, and reachable from here?")
        case .dns: (.transient, "check the host's name in the endpoint \(address.endpoint)")
        case .handshake: (.transient, "does the server at \(address.endpoint) speak TLS?")
        case .totalTimeout, .stalled, .reset, .truncated, .other: (.transient, nil)
        case .tls: (.configuration, "name the file of the CA that signed the server's certificate (ca-file)")
        case .tooLarge, .unreadableBody: (.rejected, nil)
        case .invalidRequest: (.configuration, "check the endpoint, the access key and the session token")
        case .cancelled: (.cancelled, nil)
        }
    }
}
