import Foundation
import S3
import TestSupport
import Testing

struct CredentialsTests {
    /// A home of its own, with the two files.
    final class Home {
        let path: String
        private let extra: [String: String]

        init(credentials: String? = nil, config: String? = nil, _ extra: [String: String] = [:]) throws {
            path = try TestPaths.temporaryDirectory()
            self.extra = extra
            try TestPaths.makeDirectory("\(path)/.aws")
            if let credentials { try TestPaths.write(credentials, to: "\(path)/.aws/credentials") }
            if let config { try TestPaths.write(config, to: "\(path)/.aws/config") }
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        var environment: AWSEnvironment { AWSEnvironment(extra.merging(["HOME": path]) { $1 }) }
    }

    static let file = """
        # a comment
        ; another\r
        [default]
        aws_access_key_id = DEFAULT
        aws_secret_access_key=secret/default+1   # not part of it
        s3 =
          aws_access_key_id = NESTED

        [ other ]
        AWS_Access_Key_ID=OTHER\r
        aws_secret_access_key =   a#b;c==\r
        aws_session_token = token
        """

    @Test func environmentComesFirst() async throws {
        let variables = ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"]
        let home = try Home(credentials: Self.file, variables)
        let found = try await DefaultCredentials(environment: home.environment).credentials()
        #expect(
            found == Credentials(accessKeyID: "id", secretAccessKey: Secret("secret"), sessionToken: Secret("token")))
    }

    @Test func profileOfTheConfigurationBeatsTheEnvironment() async throws {
        let home = try Home(credentials: Self.file, ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"])
        let found = try await DefaultCredentials(profile: "other", environment: home.environment).credentials()
        #expect(
            found
                == Credentials(accessKeyID: "OTHER", secretAccessKey: Secret("a#b;c=="), sessionToken: Secret("token")))
    }

    @Test func defaultProfile() async throws {
        let home = try Home(credentials: Self.file)
        let found = try await DefaultCredentials(environment: home.environment).credentials()
        #expect(found == Credentials(accessKeyID: "DEFAULT", secretAccessKey: Secret("secret/default+1")))
    }

    @Test func profileOfTheEnvironmentFromTheConfigFile() async throws {
        let config = "[profile far away]\nregion = eu-west-3\naws_access_key_id = FAR\naws_secret_access_key = s\n"
        let home = try Home(credentials: Self.file, config: config, ["AWS_PROFILE": "far away"])
        let found = try await DefaultCredentials(environment: home.environment).credentials()
        #expect(found.accessKeyID == "FAR")
        let address = try S3Address(S3Configuration(url: "s3://bucket"), environment: home.environment)
        #expect(address.region == "eu-west-3")
    }

    @Test func otherFilesByVariable() async throws {
        let home = try Home()
        try TestPaths.write("[default]\naws_access_key_id=A\naws_secret_access_key=B", to: "\(home.path)/elsewhere")
        let environment = AWSEnvironment(["AWS_SHARED_CREDENTIALS_FILE": "\(home.path)/elsewhere"])
        #expect(try await DefaultCredentials(environment: environment).credentials().accessKeyID == "A")
    }

    @Test func aChangedFileIsReadAgain() async throws {
        let home = try Home(credentials: Self.file)
        let provider = DefaultCredentials(environment: home.environment)
        #expect(try await provider.credentials().accessKeyID == "DEFAULT")
        let changed = Self.file.replacingOccurrences(of: "DEFAULT", with: "A LONGER ONE")
        try TestPaths.write(changed, to: "\(home.path)/.aws/credentials")
        #expect(try await provider.credentials().accessKeyID == "A LONGER ONE")
    }

    @Test(arguments: [
        (["AWS_ACCESS_KEY_ID": "id"], "set without its secret"),
        (["AWS_PROFILE": "missing"], "no profile missing"),
        ([:], "no credentials were found"),
        (["AWS_PROFILE": "role"], "role_arn, which is not supported"),
        (["AWS_PROFILE": "half"], "holds no access key and secret"),
    ])
    func whatIsMissingIsSaid(_ variables: [String: String], _ words: String) async throws {
        let config = "[profile role]\nrole_arn = arn:x\nsource_profile = y\n[profile half]\nregion = x\n"
        let home = try Home(config: config, variables)
        let provider = DefaultCredentials(environment: home.environment)
        let error = await #expect(throws: CredentialsError.self) { try await provider.credentials() }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func aFileThatCannotBeReadIsNamed() async throws {
        let home = try Home()
        let environment = AWSEnvironment(["AWS_SHARED_CREDENTIALS_FILE": home.path])
        let provider = DefaultCredentials(environment: environment)
        let error = await #expect(throws: CredentialsError.self) { try await provider.credentials() }
        #expect(error?.reason.contains(home.path) == true)
    }
}
