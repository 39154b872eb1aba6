import ArchiveTypes
import Configuration
import Testing

@Suite struct ConfigurationTests {
    /// What CLI.md's example says, as far as this version does it.
    static let full = """
        archive: prod                     # its name
        host: web-7
        spool: {path: /var/lib/firn/spool, max_bytes: 10GiB}
        stores:
          - {name: minio, url: "s3://logs/prod", endpoint: "http://127.0.0.1:9000", path_style: true, profile: minio}
        redundancy: {copies: 1, acknowledge: 1}
        inputs:
          - files: {include: ["/var/log/**/*.log"], exclude: ["*.gz"], labels: {env: prod}, timezone: Europe/Paris, start: end, ignore_older: 30d, drop: ["GET /healthz"], redact: [{pattern: 'password=\\K\\S+', with: "#"}, {pattern: token}]}
        roll: {block_bytes: 2MiB, block_age: 7s, chunk_bytes: 32MiB, chunk_age: 1h30m}
        compression: {level: 3}
        metrics: {listen: "127.0.0.1:9599"}
        """

    @Test func everyKeyIsRead() throws {
        let configuration = try parse(Self.full).configuration
        #expect(configuration.archive == "prod")
        #expect(configuration.host == "web-7")
        #expect(configuration.spool.path == "/var/lib/firn/spool")
        #expect(configuration.spool.maxBytes == 10_737_418_240)
        let location = S3Location(
            bucket: "logs", prefix: "prod", endpoint: "http://127.0.0.1:9000", pathStyle: true, profile: "minio")
        #expect(configuration.stores == [StoreConfiguration(name: "minio", location: .s3(location))])
        #expect(configuration.redundancy.rule == .copies(1))
        #expect(configuration.roll.blockBytes == 2_097_152)
        #expect(configuration.roll.blockAge == 7_000_000_000)
        #expect(configuration.roll.chunkBytes == 33_554_432)
        #expect(configuration.roll.chunkAge == 5_400_000_000_000)
        #expect(configuration.compression.level == 3)
        #expect(configuration.metrics.listen == "127.0.0.1:9599")
        guard case .files(let files) = try #require(configuration.inputs.first) else { return }
        #expect(files.include == ["/var/log/**/*.log"])
        #expect(files.exclude == ["*.gz"])
        #expect(files.labels["env"] == "prod")
        #expect(files.timezone == "Europe/Paris")
        #expect(files.start == .end)
        #expect(files.ignoreOlder == 30 * .perDay)
        #expect(files.drop == ["GET /healthz"])
        #expect(files.redact.map(\.pattern) == [#"password=\K\S+"#, "token"])
        #expect(files.redact.map(\.mask) == ["#", "***"])
    }

    @Test(arguments: ["", "# nothing\n", "spool:\nroll: ~\n", "{}"])
    func defaultsFillWhatIsNotSaid(text: String) throws {
        let configuration = try parse(text).configuration
        #expect(configuration.archive == "main")
        #expect(configuration.host == "web-1")
        #expect(configuration.spool.path == "/home/ada/.local/state/firn/spool")
        #expect(configuration.spool.maxBytes == 10 << 30)
        #expect(configuration.stores.isEmpty && configuration.inputs.isEmpty)
        #expect(configuration.roll.blockBytes == 896 << 10 && configuration.roll.chunkBytes == 64 << 20)
        #expect(configuration.roll.blockAge == 5 * .perSecond && configuration.roll.chunkAge == 5 * .perMinute)
        #expect(configuration.compression.level == 1)
        #expect(configuration.metrics.listen == nil)
    }

    @Test func theSpoolIsWhereTheUserKeepsState() {
        var root = surroundings()
        root.isRoot = true
        #expect(root.defaultSpoolPath == "/var/lib/firn/spool")
        #expect(surroundings(["XDG_STATE_HOME": "/state"]).defaultSpoolPath == "/state/firn/spool")
        #expect(surroundings(["XDG_STATE_HOME": "relative"]).defaultSpoolPath == "/home/ada/.local/state/firn/spool")
    }

    @Test func filesAreLookedForInOrder() {
        #expect(
            surroundings().searchPaths == ["./firn.yaml", "/home/ada/.config/firn/firn.yaml", "/etc/firn/firn.yaml"])
        #expect(
            surroundings(["XDG_CONFIG_HOME": "/etc/xdg"]).searchPaths
                == ["./firn.yaml", "/etc/xdg/firn/firn.yaml", "/etc/firn/firn.yaml"])
    }

    @Test(arguments: [
        (1, 1), (2, 2), (3, 2), (4, 3), (5, 3),
    ])
    func acknowledgingNeedsAMajorityAndAtLeastTwo(copies: Int, expected: Int) {
        #expect(Configuration.Redundancy.Rule.copies(copies).defaultAcknowledge == expected)
    }

    @Test(arguments: [
        full,
        "",
        "stores: [{url: file:///srv/my%20logs}]\ninputs: [{files: {include: ['/a b/\"x\"', \"/\\t\\u2028\\\\\"], labels: {\"k: 1\": \"#\", n: 'null', e: \"\"}}}]",
        "stores: [{url: \"s3://logs?endpoint=https://h&ca-file=/c.pem&verify-tls=false&region=eu-1&path-style=false\"}]",
        "roll: {block_age: 1500ms, chunk_age: 90s}\nspool: {max_bytes: 3000000001B}\nhost: 10.0.0.1",
        "archive: \"123\"\nhost: \"null\"",
    ])
    func whatIsShownReadsAsTheSame(text: String) throws {
        let configuration = try parse(text).configuration
        #expect(try parse(configuration.yaml).configuration == configuration, "\(configuration.yaml)")
    }

    @Test func whatIsShownIsComplete() throws {
        #expect(
            try parse("stores: [{url: file:///srv/archive}]\ninputs: [{files: {include: [/var/log/*.log]}}]")
                .configuration.yaml == """
                    archive: main
                    host: web-1
                    spool:
                      path: /home/ada/.local/state/firn/spool
                      max_bytes: 10GiB
                    stores:
                      - url: file:///srv/archive
                    redundancy:
                      copies: 1
                      acknowledge: 1
                    inputs:
                      - files:
                          include: ["/var/log/*.log"]
                          start: beginning
                    roll:
                      block_bytes: 896KiB
                      block_age: 5s
                      chunk_bytes: 64MiB
                      chunk_age: 5m
                    compression:
                      level: 1

                    """)
    }
}
