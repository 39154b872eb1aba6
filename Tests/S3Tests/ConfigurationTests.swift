import S3
import Testing

struct S3ConfigurationTests {
    static let none = AWSEnvironment([:])

    @Test func everyKeyOfTheURL() throws {
        let url =
            "s3://logs/prod/a?endpoint=http://127.0.0.1:9000&region=eu-west-1&path-style=false&profile=my%26one"
            + "&ca-file=/etc/ca.pem&verify-tls=false"
        let configuration = try S3Configuration(url: url, name: "east")
        #expect(configuration.name == "east")
        #expect(configuration.bucket == "logs")
        #expect(configuration.prefix == "prod/a/")
        #expect(configuration.endpoint == "http://127.0.0.1:9000")
        #expect(configuration.region == "eu-west-1")
        #expect(configuration.pathStyle == false)
        #expect(configuration.profile == "my&one")
        #expect(configuration.tls.caFile == "/etc/ca.pem")
        #expect(!configuration.tls.verifies)
    }

    @Test(arguments: ["s3://logs", "s3://logs/", "s3://logs//", "s3://logs?"])
    func noPrefix(_ url: String) throws {
        let configuration = try S3Configuration(url: url)
        #expect(configuration.prefix == "")
        #expect(configuration.tls.verifies)
    }

    @Test func prefixesEndInOneSlash() throws {
        for url in ["s3://logs/prod", "s3://logs/prod/", "s3://logs//prod//"] {
            #expect(try S3Configuration(url: url).prefix == "prod/")
        }
    }

    @Test(arguments: [
        "http://logs", "s3:logs", "s3://", "s3:///prefix", "s3://ab", "s3://-logs", "s3://lo gs", "s3://logs/a//b",
        "s3://logs/../b", "s3://logs?endpont=http://x", "s3://logs?region=a&region=b", "s3://logs?path-style=yes",
        "s3://logs?region", "s3://logs?region=", "s3://logs?region=%zz", "s3://logs#x", "s3://logs:80/x",
        "s3://logs?access-key=KEY",
    ])
    func strict(_ url: String) {
        #expect(throws: S3ConfigurationError.self) { try S3Configuration(url: url) }
    }

    @Test(arguments: ["s3://id:hidden@logs/x", "s3://logs?endpoint=http://id:hidden@host", "s3://logs?secret=hidden"])
    func credentialsInURLsAreRefusedAndNotRepeated(_ url: String) {
        let error = #expect(throws: S3ConfigurationError.self) {
            _ = try S3Address(S3Configuration(url: url), environment: Self.none)
        }
        #expect(error.map { !$0.description.contains("hidden") } == true)
    }

    @Test(arguments: [
        ("s3://logs", "https", "logs.s3.us-east-1.amazonaws.com", ""),
        ("s3://logs?region=cn-north-1", "https", "logs.s3.cn-north-1.amazonaws.com.cn", ""),
        ("s3://my.logs?region=eu-west-1", "https", "s3.eu-west-1.amazonaws.com", "/my.logs"),
        ("s3://logs?path-style=true", "https", "s3.us-east-1.amazonaws.com", "/logs"),
        ("s3://logs?endpoint=http://127.0.0.1:9000", "http", "127.0.0.1:9000", "/logs"),
        ("s3://logs?endpoint=http://127.0.0.1:80/", "http", "127.0.0.1", "/logs"),
        ("s3://logs?endpoint=https://S3.Example.org:443", "https", "s3.example.org", "/logs"),
        (
            "s3://logs?endpoint=https://s3.example.org:8443/base/&path-style=false", "https",
            "logs.s3.example.org:8443", "/base"
        ),
        ("s3://logs?endpoint=http://[::1]:9000", "http", "[::1]:9000", "/logs"),
        ("s3://logs?endpoint=http://[fe80::1]/x", "http", "[fe80::1]", "/x/logs"),
    ])
    func addresses(_ url: String, _ scheme: String, _ authority: String, _ path: String) throws {
        let address = try S3Address(S3Configuration(url: url), environment: Self.none)
        #expect(address.scheme == scheme)
        #expect(address.authority == authority)
        #expect(address.basePath == path)
    }

    @Test(arguments: [
        "127.0.0.1:9000", "ftp://x", "http://", "http://x:0", "http://x:99999", "http://x:y", "http://a b",
        "http://[::1",
        "http://::1:9000", "http://x?y", "http://[]:1",
    ])
    func notEndpoints(_ endpoint: String) throws {
        var configuration = try S3Configuration(url: "s3://logs")
        configuration.endpoint = endpoint
        #expect(throws: S3ConfigurationError.self) { try S3Address(configuration, environment: Self.none) }
    }

    @Test func aBucketBeforeAnAddressOfDigitsIsRefused() throws {
        let configuration = try S3Configuration(url: "s3://logs?endpoint=http://127.0.0.1:9000&path-style=false")
        let error = #expect(throws: S3ConfigurationError.self) { try S3Address(configuration, environment: Self.none) }
        #expect(error?.hint == "use path-style=true")
    }

    @Test func regionAndEndpointOfTheEnvironment() throws {
        let configuration = try S3Configuration(url: "s3://logs")
        let both = [
            "AWS_REGION": "one", "AWS_DEFAULT_REGION": "two", "AWS_ENDPOINT_URL_S3": "http://h:1",
            "AWS_ENDPOINT_URL": "http://i",
        ]
        let address = try S3Address(configuration, environment: AWSEnvironment(both))
        #expect(address.region == "one")
        #expect(address.endpoint == "http://h:1")
        let other = try S3Address(
            configuration, environment: AWSEnvironment(["AWS_DEFAULT_REGION": "two", "AWS_REGION": ""]))
        #expect(other.region == "two")
    }
}
