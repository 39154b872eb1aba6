import Configuration
import Testing

@Suite struct StoreURLTests {
    @Test(arguments: [
        ("file:///srv/archive", "/srv/archive"), ("file:///srv//archive/", "/srv/archive"), ("file:///", "/"),
        ("file:///my%20logs/%25", "/my logs/%"), ("/srv/archive", "/srv/archive"), ("/srv/./archive", "/srv/archive"),
        ("archive", "/home/ada/archive"), ("./archive", "/home/ada/archive"), ("../archive", "/home/ada/../archive"),
        ("/odd?name", "/odd?name"), ("./s3:/odd", "/home/ada/s3:/odd"),
    ])
    func directories(text: String, path: String) throws {
        #expect(try StoreURL.parse(text, relativeTo: "/home/ada") == .directory(path: path))
    }

    static let buckets: [(String, S3Location)] = [
        ("s3://logs", S3Location(bucket: "logs")),
        ("s3://logs/", S3Location(bucket: "logs")),
        ("s3://logs/prod/eu/", S3Location(bucket: "logs", prefix: "prod/eu")),
        (
            "s3://logs/p?endpoint=http://127.0.0.1:9000&region=us-east-1&path-style=true",
            S3Location(
                bucket: "logs", prefix: "p", endpoint: "http://127.0.0.1:9000", region: "us-east-1", pathStyle: true)
        ),
        (
            "s3://my.logs?endpoint=HTTPS%3A%2F%2FMinio.Example%2FPath%2F&ca-file=/etc/ca.pem&profile=minio&verify-tls=false",
            S3Location(
                bucket: "my.logs", endpoint: "https://minio.example/Path", caFile: "/etc/ca.pem", profile: "minio",
                verifiesTLS: false)
        ),
        ("s3://logs?endpoint=http://[::1]:9000", S3Location(bucket: "logs", endpoint: "http://[::1]:9000")),
    ]

    @Test(arguments: buckets.indices)
    func locationsInBuckets(index: Int) throws {
        #expect(try StoreURL.parse(Self.buckets[index].0, relativeTo: nil) == .s3(Self.buckets[index].1))
    }

    @Test(arguments: [
        ("", "the URL is empty; write file:///PATH or s3://BUCKET/PREFIX"),
        ("archive", #""archive" is not an absolute path; begin it with /"#),
        (
            "file://srv/archive",
            #""file://srv/archive" names a host or a relative path; write file:///PATH, with three slashes"#
        ),
        ("file:archive", #""file:archive" names a host or a relative path; write file:///PATH, with three slashes"#),
        ("file:///a%2", #""file:///a%2" has a wrong percent-encoding; write %25 for a % in the path"#),
        ("file:///a?b=c", #""file:///a?b=c" has a query; write %3F for a ? and %23 for a # in the path"#),
        ("s4://logs", #"the URL has the unknown scheme s4; did you mean s3://?"#),
        (
            "s3://-logs",
            #""-logs" is not a bucket's name; 3 to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit"#
        ),
        (
            "s3:///prefix",
            #""" is not a bucket's name; 3 to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit"#
        ),
        ("s3://logs/a//b", #""a//b" is not a usable prefix; use letters, digits, and -_.~ between single slashes"#),
        ("s3://logs/../b", #""../b" is not a usable prefix; use letters, digits, and -_.~ between single slashes"#),
        ("s3://logs?regoin=x", #"unknown key "regoin" in the URL's query; did you mean region?"#),
        (
            "s3://logs?color=x",
            #"unknown key "color" in the URL's query; known keys: endpoint, region, path-style, ca-file, profile, verify-tls"#
        ),
        ("s3:/logs/prod", #""s3:/logs/prod" is not the URL of a bucket; write s3://BUCKET/PREFIX"#),
        ("S3://logs", #""S3://logs" is not the URL of a bucket; write s3://BUCKET/PREFIX"#),
        ("s3://logs?region", "region has no readable value in the URL's query"),
        ("s3://logs?region=a&region=b", "region stands twice in the URL's query"),
        ("s3://logs?path-style=yes", #""yes" is not a truth value; write true or false"#),
        ("s3://logs?endpoint=minio:9000", #""minio:9000" is not a server's URL; write http://HOST:PORT"#),
        ("s3://logs?endpoint=http://minio:90000", #""http://minio:90000" has no valid port; ports are 1 to 65535"#),
        (
            "s3://logs?endpoint=http://minio/p%3Fq",
            #""http://minio/p?q" has a query or an odd path; write scheme, host and port alone"#
        ),
        (
            "s3://logs?endpoint=http://:9000",
            #""http://:9000" has no valid host; write a name, an address, or IPv6 in [brackets]"#
        ),
        (
            "s3://logs?endpoint=http://u:p@minio",
            "the URL carries a user name or password; remove them; credentials come from the environment or from a profile of AWS's shared files"
        ),
    ])
    func whatIsNoStoreIsRefused(text: String, expected: String) {
        #expect {
            try StoreURL.parse(text, relativeTo: nil)
        } throws: { "\($0)" == expected }
    }

    @Test func secretsInURLsAreNotRepeated() {
        #expect {
            try StoreURL.parse("s3://key:hunter2@logs", relativeTo: nil)
        } throws: { !"\($0)".contains("hunter2") }
    }
}
