/// What signs a request.
package struct Credentials: Sendable, Hashable {
    package var accessKeyID: String
    package var secretAccessKey: Secret
    /// Of temporary credentials; sent along, and signed.
    package var sessionToken: Secret?

    package init(accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

/// Where credentials come from. Asked before every request: an implementation keeps what it has found.
package protocol CredentialsProvider: Sendable {
    func credentials() async throws(CredentialsError) -> Credentials

    /// The server said that the credentials have expired: the next call of `credentials` looks again.
    func invalidate()
}

/// There are no usable credentials: lower-case clauses, without secrets.
package struct CredentialsError: Error, Sendable, Hashable, CustomStringConvertible {
    package var reason: String
    package var hint: String

    package init(_ reason: String, hint: String) {
        self.reason = reason
        self.hint = hint
    }

    package var description: String { "\(reason); \(hint)" }
}

/// Credentials that never change.
package struct StaticCredentials: CredentialsProvider {
    private let value: Credentials

    package init(_ value: Credentials) { self.value = value }

    package func credentials() async throws(CredentialsError) -> Credentials { value }

    package func invalidate() {}
}
