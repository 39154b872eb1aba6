import Glibc

/// The variables that AWS's own tools read
/// (https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html); empty ones count as unset.
package struct AWSEnvironment: Sendable {
    private let lookUp: @Sendable (String) -> String?

    package init(_ lookUp: @escaping @Sendable (String) -> String?) { self.lookUp = lookUp }

    package init(_ variables: [String: String]) { self.init { variables[$0] } }

    /// That of this process.
    package static let process = AWSEnvironment { name in getenv(name).map { String(cString: $0) } }

    package subscript(name: String) -> String? { lookUp(name).flatMap { $0.isEmpty ? nil : $0 } }

    /// The profile to use: `explicit` (of the configuration) before `AWS_PROFILE` before `default`.
    package func profile(_ explicit: String?) -> String { explicit ?? self["AWS_PROFILE"] ?? "default" }

    package var credentialsFile: String? { self["AWS_SHARED_CREDENTIALS_FILE"] ?? inHome(".aws/credentials") }

    package var configFile: String? { self["AWS_CONFIG_FILE"] ?? inHome(".aws/config") }

    private func inHome(_ path: String) -> String? { self["HOME"].map { "\($0)/\(path)" } }
}
