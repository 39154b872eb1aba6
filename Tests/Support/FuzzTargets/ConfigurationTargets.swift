import ArchiveTypes
import Configuration

extension FuzzTarget {
    static let configuration: [FuzzTarget] = [
        FuzzTarget(text: "yaml", rounds: 400, seeds: yamlSeeds, readConfiguration),
        FuzzTarget(text: "byte-size", seeds: ["64MiB", "10 GiB", "0B", "9223372036854775807B"]) { text in
            guard let bytes = try unlessRefused(InvalidValue.self, { try ByteSize.parse(text) }) else { return }
            try require(bytes >= 0, "\(text) is \(bytes)")
            try require(
                try ByteSize.parse(ByteSize.text(bytes)) == bytes, "\(bytes) is written \(ByteSize.text(bytes))")
        },
        FuzzTarget(text: "duration", seeds: ["1h30m", "2w", "9223372036854775807ns", "1w2d3h4m5s6ms7us8ns"]) { text in
            guard let time = try unlessRefused(InvalidValue.self, { try DurationText.parse(text) }) else { return }
            try require(time >= 0, "\(text) is \(time)")
            try require(
                try DurationText.parse(DurationText.text(time)) == time, "\(time) is written \(DurationText.text(time))"
            )
        },
        FuzzTarget(
            text: "time-expression",
            seeds: [
                "2026-11-22T18:00:00.5+02:00", "2026-11-22 18:00", "18:00:59,123", "-2h", "1763800000.25", "yesterday",
                "1678-01-01", "2261-12-31T23:59:60Z",
            ]
        ) { text in
            for offset in [0, 7200, -12 * 3600, 14 * 3600] {
                _ = try unlessRefused(InvalidValue.self) {
                    try TimeExpression.parse(text, now: 1_763_800_000 * .perSecond) { $0 < 0 ? 0 : offset }
                }
            }
        },
        FuzzTarget(text: "store-url", seeds: storeSeeds, readStoreURL),
        FuzzTarget(text: "endpoint", seeds: ["http://[::1]:9000/a", "HTTPS://s3.example.org/", "127.0.0.1:9599"]) {
            text in
            _ = try unlessRefused(InvalidValue.self) { try Endpoint.listener(text) }
            guard let endpoint = try unlessRefused(InvalidValue.self, { try Endpoint.parse(text) }) else { return }
            try require(try Endpoint.parse(endpoint) == endpoint, "\(text) becomes \(endpoint)")
        },
    ]

    private static let storeSeeds = [
        "file:///srv/my%20archive/", "/srv/./archive//x", "relative/../path",
        "s3://bucket/a/b?endpoint=http://127.0.0.1:9000&region=us-east-1&path-style=true&profile=p&verify-tls=false",
    ]

    private static func readStoreURL(_ text: String) throws {
        let location = try unlessRefused(InvalidValue.self) { try StoreURL.parse(text, relativeTo: "/work") }
        guard let location else { return }
        let again = try StoreURL.parse(location.shortURL, relativeTo: nil)
        switch (location, again) {
        case (.directory(let path), .directory(let same)): try require(path == same, "\(path) becomes \(same)")
        case (.s3(let store), .s3(let same)):
            try require(store.bucket == same.bucket && store.prefix == same.prefix, "\(store) becomes \(same)")
        default: throw PropertyViolation(description: "\(location) becomes \(again)")
        }
    }

    private static let yamlSeeds = [
        """
        archive: main
        host: web-1
        spool: {path: /var/spool/firn, max_bytes: 10GiB}
        stores:
          - {name: disk, url: "file:///srv/archive"}
          - url: s3://bucket/prefix
            endpoint: http://127.0.0.1:9000
            path_style: true
        redundancy: {copies: 2, acknowledge: 1}
        inputs:
          - files:
              include: [/var/log/**/*.log]
              exclude: ["*.gz"]
              labels: {env: prod, zone: "a\\tb"}
              timezone: Europe/Paris
              start: end
              ignore_older: 30d
        roll: {block_bytes: 512KiB, block_age: 5s, chunk_bytes: 64MiB, chunk_age: 5m}
        compression: {level: 3}
        metrics: {listen: "127.0.0.1:9599"}
        """,
        "a: &a [1, 2]\nb: *a\nstores: [*a, {<<: *a, url: |\n  text\n}]\n",
        "inputs:\n- files: {include: [~, null, [], {}]}\n? complex\n: !tag value\n",
    ]

    private static let machine = Surroundings(
        environment: ["HOME": "/home/ada"], hostName: "web-1", isRoot: false
    ) { ["Europe/Paris", "America/New_York"].contains($0) }

    private static func readConfiguration(_ text: String) throws {
        let loaded = try unlessRefused(ConfigurationError.self) {
            try Configuration.parse(text, file: "firn.yaml", surroundings: machine)
        }
        guard let configuration = loaded?.configuration else { return }
        let again = try Configuration.parse(configuration.yaml, file: "shown.yaml", surroundings: machine)
        try require(again.configuration == configuration, "configuration is shown as another:\n\(configuration.yaml)")
    }
}
