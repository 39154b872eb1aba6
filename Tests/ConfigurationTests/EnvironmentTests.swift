import ArchiveTypes
import Configuration
import Testing

@Suite struct EnvironmentTests {
    /// A variable for every scalar there is, a value, and how to see that it arrived.
    static let overrides: [(String, String, @Sendable (Configuration) -> String?)] = [
        ("FIRN_ARCHIVE", "other", { $0.archive }),
        ("FIRN_HOST", "db-9", { $0.host }),
        ("FIRN_SPOOL_PATH", "/tmp/spool", { $0.spool.path }),
        ("FIRN_SPOOL_MAX_BYTES", "3GiB", { ByteSize.text($0.spool.maxBytes) }),
        ("FIRN_STORES_0_NAME", "elsewhere", { $0.stores.first?.name }),
        ("FIRN_STORES_0_URL", "s3://other/place", { $0.stores.first?.location.shortURL }),
        ("FIRN_STORES_0_REGION", "mars-1", { s3($0)?.region }),
        ("FIRN_STORES_0_ENDPOINT", "http://other:1", { s3($0)?.endpoint }),
        ("FIRN_STORES_0_PATH_STYLE", "false", { s3($0)?.pathStyle.map { "\($0)" } }),
        ("FIRN_STORES_0_CA_FILE", "/ca.pem", { s3($0)?.caFile }),
        ("FIRN_STORES_0_PROFILE", "second", { s3($0)?.profile }),
        ("FIRN_STORES_0_VERIFY_TLS", "false", { s3($0).map { "\($0.verifiesTLS)" } }),
        ("FIRN_REDUNDANCY_COPIES", "1", { "\($0.redundancy.rule.parts)" }),
        ("FIRN_REDUNDANCY_ACKNOWLEDGE", "1", { "\($0.redundancy.acknowledge)" }),
        ("FIRN_INPUTS_0_FILES_INCLUDE_0", "/other/*", { files($0)?.include.first }),
        ("FIRN_INPUTS_0_FILES_INCLUDE_1", "/more/*", { files($0)?.include.last }),
        ("FIRN_INPUTS_0_FILES_EXCLUDE_0", "*.xz", { files($0)?.exclude.first }),
        ("FIRN_INPUTS_0_FILES_LABELS_ENV", "test", { files($0)?.labels["env"] }),
        ("FIRN_INPUTS_0_FILES_LABELS_TEAM", "blue", { files($0)?.labels["team"] }),
        ("FIRN_INPUTS_0_FILES_TIMEZONE", "UTC", { files($0)?.timezone }),
        ("FIRN_INPUTS_0_FILES_START", "beginning", { files($0)?.start.rawValue }),
        ("FIRN_INPUTS_0_FILES_IGNORE_OLDER", "2d", { files($0)?.ignoreOlder.map(DurationText.text) }),
        ("FIRN_ROLL_BLOCK_BYTES", "512KiB", { ByteSize.text($0.roll.blockBytes) }),
        ("FIRN_ROLL_BLOCK_AGE", "9s", { DurationText.text($0.roll.blockAge) }),
        ("FIRN_ROLL_CHUNK_BYTES", "16MiB", { ByteSize.text($0.roll.chunkBytes) }),
        ("FIRN_ROLL_CHUNK_AGE", "9m", { DurationText.text($0.roll.chunkAge) }),
        ("FIRN_COMPRESSION_LEVEL", "7", { "\($0.compression.level)" }),
        ("FIRN_METRICS_LISTEN", "[::1]:80", { $0.metrics.listen }),
    ]

    @Test(arguments: overrides.indices)
    func everyScalarHasItsVariable(index: Int) throws {
        let (name, value, read) = Self.overrides[index]
        let loaded = try parse(ConfigurationTests.full, [name: value])
        #expect(read(loaded.configuration) == value, "\(name)")
        #expect(loaded.warnings.isEmpty)
        if !name.contains("REDUNDANCY") {
            #expect(read(try parse(ConfigurationTests.full).configuration) != value, "\(name) proves nothing")
        }
    }

    @Test func theEnvironmentAloneConfigures() throws {
        let configuration = try parse(
            "",
            [
                "FIRN_STORES_0_URL": "s3://logs", "FIRN_STORES_0_ENDPOINT": "http://minio:9000",
                "FIRN_INPUTS_0_FILES_INCLUDE_0": "/a",
            ]
        ).configuration
        #expect(s3(configuration)?.endpoint == "http://minio:9000")
        #expect(files(configuration)?.include == ["/a"])
    }

    @Test func aVariableHidesAWrongValue() throws {
        #expect(
            try parse("compression: {level: x}", ["FIRN_COMPRESSION_LEVEL": "2"]).configuration.compression.level == 2)
    }

    @Test func wrongVariablesAreNamed() {
        #expect(
            problems("", ["FIRN_ROLL_BLOCK_AGE": "soon"])
                == #"environment variable FIRN_ROLL_BLOCK_AGE: "soon" is not a duration; write whole numbers and units, as in 90s or 1h30m"#
        )
    }

    @Test func unknownVariablesAreWarnedOf() throws {
        let loaded = try parse(
            "",
            [
                "FIRN_SPOOL_MAXBYTES": "1GiB", "FIRN_XYZZY_PLUGH_FROTZ": "1", "FIRN_CONFIG": "/x", "FIRN_TEST_ANY": "1",
                "FIRN_LOG_LEVEL": "debug", "OTHER": "1",
            ])
        #expect(
            loaded.warnings.map(\.description) == [
                "environment variable FIRN_SPOOL_MAXBYTES: it matches no key of the configuration and is ignored; did you mean FIRN_SPOOL_MAX_BYTES?",
                "environment variable FIRN_XYZZY_PLUGH_FROTZ: it matches no key of the configuration and is ignored; `firn config show` prints all keys",
            ])
    }

    private static func s3(_ configuration: Configuration) -> S3Location? {
        guard case .s3(let location)? = configuration.stores.first?.location else { return nil }
        return location
    }

    private func s3(_ configuration: Configuration) -> S3Location? { Self.s3(configuration) }

    private static func files(_ configuration: Configuration) -> FilesInput? {
        guard case .files(let files)? = configuration.inputs.first else { return nil }
        return files
    }

    private func files(_ configuration: Configuration) -> FilesInput? { Self.files(configuration) }
}
