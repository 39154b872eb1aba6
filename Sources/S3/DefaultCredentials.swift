import Glibc
import Synchronization

/// Credentials from the environment, else from a profile of the shared files; a profile that the configuration names
/// comes before the environment, as with AWS's own tools. The files are read again when they have changed.
package final class DefaultCredentials: CredentialsProvider {
    /// What tells that a file has changed.
    private struct Stamp: Equatable {
        var inode: UInt64
        var size: Int64
        var seconds: Int
        var nanoseconds: Int
    }

    private struct Found {
        var credentials: Credentials
        var stamps: [Stamp?]
    }

    private let environment: AWSEnvironment
    private let explicitProfile: String?
    private let found = Mutex<Found?>(nil)

    /// - Parameter profile: that of the configuration; nil: `AWS_PROFILE`, else `default`.
    package init(profile: String? = nil, environment: AWSEnvironment = .process) {
        explicitProfile = profile
        self.environment = environment
    }

    package func credentials() async throws(CredentialsError) -> Credentials {
        if explicitProfile == nil, let credentials = try Self.fromVariables(environment) { return credentials }
        let stamps = [environment.credentialsFile, environment.configFile].map(Self.stamp)
        if let found = found.withLock({ $0 }), found.stamps == stamps { return found.credentials }
        let credentials = try readProfile()
        found.withLock { $0 = Found(credentials: credentials, stamps: stamps) }
        return credentials
    }

    package func invalidate() { found.withLock { $0 = nil } }

    private static func fromVariables(_ environment: AWSEnvironment) throws(CredentialsError) -> Credentials? {
        guard let id = environment["AWS_ACCESS_KEY_ID"] else { return nil }
        guard let secret = environment["AWS_SECRET_ACCESS_KEY"] else {
            throw CredentialsError("AWS_ACCESS_KEY_ID is set without its secret", hint: "set AWS_SECRET_ACCESS_KEY too")
        }
        let token = environment["AWS_SESSION_TOKEN"].map { Secret($0) }
        return Credentials(accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: token)
    }

    private func readProfile() throws(CredentialsError) -> Credentials {
        let profile = environment.profile(explicitProfile)
        var isKnown = false
        for path in [environment.credentialsFile, environment.configFile] {
            guard let path, let settings = try ProfileFile(path: path).settings(of: profile) else { continue }
            isKnown = true
            if let credentials = try Self.credentials(settings, profile: profile, path: path) { return credentials }
        }
        throw Self.nothing(
            profile, isKnown: isKnown, isNamed: explicitProfile != nil || environment["AWS_PROFILE"] != nil)
    }

    private static func credentials(
        _ settings: [String: String], profile: String, path: String
    ) throws(CredentialsError) -> Credentials? {
        let unsupported = ["role_arn", "sso_session", "sso_start_url", "credential_process", "web_identity_token_file"]
        guard let id = settings["aws_access_key_id"], let secret = settings["aws_secret_access_key"] else {
            guard let key = unsupported.first(where: { settings[$0] != nil }) else { return nil }
            throw CredentialsError(
                "profile \(profile) of \(path) gets its credentials by \(key), which is not supported",
                hint: "use a profile with aws_access_key_id and aws_secret_access_key")
        }
        let token = settings["aws_session_token"].map { Secret($0) }
        return Credentials(accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: token)
    }

    private static func nothing(_ profile: String, isKnown: Bool, isNamed: Bool) -> CredentialsError {
        let hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write a profile into ~/.aws/credentials"
        if isKnown { return CredentialsError("profile \(profile) holds no access key and secret", hint: hint) }
        if isNamed { return CredentialsError("there is no profile \(profile) in the shared AWS files", hint: hint) }
        return CredentialsError("no credentials were found", hint: hint)
    }

    private static func stamp(_ path: String?) -> Stamp? {
        var status = stat()
        guard let path, stat(path, &status) == 0 else { return nil }
        return Stamp(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }
}
