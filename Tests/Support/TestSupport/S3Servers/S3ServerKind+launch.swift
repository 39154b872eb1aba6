import HTTPTransport
import ObjectStore
import S3

extension S3ServerKind {
    typealias Launch = @Sendable () async throws -> S3Server

    /// Nil where the server is not installed.
    var launch: Launch? {
        switch self {
        case .seaweedfs: Self.launch("weed") { program in try await Self.startSeaweedFS(program) }
        case .rclone: Self.launch("rclone") { program in try await Self.startRclone(program) }
        case .moto: Self.launch("moto_server") { program in try await Self.startMoto(program) }
        case .minio: Self.launch("minio") { program in try await Self.startMinIO(program) }
        case .double: Self.launch("python3") { _ in try await S3Double.start().server }
        case .endpoint: Self.launchEndpoint
        }
    }

    private static func launch(
        _ name: String, _ start: @escaping @Sendable (_ program: String) async throws -> S3Server
    ) -> Launch? {
        guard let program = TestPaths.program(name) else { return nil }
        return { try await start(program) }
    }

    private static var launchEndpoint: Launch? {
        guard let url = TestPaths.variable("FIRN_TEST_S3_ENDPOINT") else { return nil }
        return { try await useEndpoint(url) }
    }

    private static let key = "firntestkey"
    private static let secret = "firn/test+secret0123456789"
    private static let credentials = Credentials(accessKeyID: key, secretAccessKey: Secret(secret))

    private static func server(_ kind: S3ServerKind, _ process: GuardedProcess, port: Int) -> S3Server {
        S3Server(kind, endpoint: "http://127.0.0.1:\(process.ports[port])", credentials: credentials, process: process)
    }

    private static func startSeaweedFS(_ weed: String) async throws -> S3Server {
        let directory = try TestPaths.temporaryDirectory()
        let identity = """
            {"identities": [{"name": "firn", "credentials": [{"accessKey": "\(key)", "secretKey": "\(secret)"}],
                             "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
            """
        try TestPaths.write(identity, to: "\(directory)/s3.json")
        let command = [
            weed, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir={directory}", "-master.port={port1}",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.port={port2}", "-volume.max=400",
            "-volume.minFreeSpace=1", "-filer", "-filer.port={port3}", "-s3", "-s3.port={port4}", "-s3.port.iceberg=0",
            "-s3.port.lance=0", "-s3.config={directory}/s3.json", "-s3.autoCreateBucket=false",
        ]
        // The master gives out file ids once a volume server has come to it.
        let ready = ["http://127.0.0.1:{port1}/dir/assign", "http://127.0.0.1:{port4}/healthz"]
        let process = try await GuardedProcess.start(command, ports: 4, directory: directory, readyURLs: ready)
        return server(.seaweedfs, process, port: 3)
    }

    private static func startRclone(_ rclone: String) async throws -> S3Server {
        let directory = try TestPaths.temporaryDirectory()
        let command = [
            rclone, "serve", "s3", "--config", "{directory}/none", "--addr", "127.0.0.1:{port1}",
            "--auth-key", "\(key),\(secret)", "--rc", "--rc-addr", "127.0.0.1:{port2}", "--rc-no-auth",
            "--rc-web-gui=false", "--rc-enable-metrics", "--cache-dir", "{directory}/cache", "{directory}/data",
        ]
        try TestPaths.makeDirectory("\(directory)/data")
        let ready = ["http://127.0.0.1:{port2}/metrics"]
        let process = try await GuardedProcess.start(command, ports: 2, directory: directory, readyURLs: ready)
        return server(.rclone, process, port: 0)
    }

    private static func startMoto(_ moto: String) async throws -> S3Server {
        let directory = try TestPaths.temporaryDirectory()
        let command = [moto, "-H", "127.0.0.1", "-p", "{port1}"]
        let ready = ["http://127.0.0.1:{port1}/moto-api/"]
        let process = try await GuardedProcess.start(command, ports: 1, directory: directory, readyURLs: ready)
        return server(.moto, process, port: 0)
    }

    private static func startMinIO(_ minio: String) async throws -> S3Server {
        let directory = try TestPaths.temporaryDirectory()
        // Releases before 2020 know the second pair of variables.
        let command = [
            "env", "MINIO_ROOT_USER=\(key)", "MINIO_ROOT_PASSWORD=\(secret)", "MINIO_ACCESS_KEY=\(key)",
            "MINIO_SECRET_KEY=\(secret)", minio, "server", "--address", "127.0.0.1:{port1}", "{directory}/data",
        ]
        let ready = ["http://127.0.0.1:{port1}/minio/health/live"]
        let process = try await GuardedProcess.start(command, ports: 1, directory: directory, readyURLs: ready)
        return server(.minio, process, port: 0)
    }

    private static func useEndpoint(_ url: String) async throws -> S3Server {
        let environment = AWSEnvironment.process
        let credentials = try await DefaultCredentials(environment: environment).credentials()
        var server = S3Server(.endpoint, endpoint: url, credentials: credentials, process: nil)
        server.region = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
        return server
    }
}
