import Configuration
import Testing

/// Golden texts: what somebody reads who got the file wrong.
@Suite struct ConfigurationProblemTests {
    struct Case: CustomTestStringConvertible {
        var text: String
        var expected: String
        var testDescription: String { text }
    }

    static let cases = [
        Case(
            text: "spool: {max_byte: 1GiB}",
            expected: #"firn.yaml:1:9: spool: unknown key "max_byte"; did you mean max_bytes?"#),
        Case(
            text: "archvie: prod",
            expected: #"firn.yaml:1:1: unknown key "archvie"; did you mean archive?"#),
        Case(
            text: "compression: {algorithm: zstd}",
            expected: #"firn.yaml:1:15: compression: unknown key "algorithm"; known keys: level"#),
        Case(
            text: "stores:\n  - url: file:///a\n    nmae: x",
            expected: #"firn.yaml:3:5: stores[0]: unknown key "nmae"; did you mean name?"#),
        Case(
            text: "inputs:\n  - file: {include: [/a]}",
            expected: #"firn.yaml:2:5: inputs[0]: unknown key "file"; did you mean files?"#),
        Case(
            text: "inputs:\n  - files: {include: [/a], ignore-older: 1d}",
            expected: #"firn.yaml:2:28: inputs[0].files: unknown key "ignore-older"; did you mean ignore_older?"#),
        Case(
            text: "inputs:\n  - files:\n      include: [/a]\n      drop: [\"(\"]",
            expected:
                "firn.yaml:4:14: inputs[0].files.drop[0]: regular expression '(' is wrong at character 2: missing closing parenthesis"
        ),
        Case(
            text: "inputs:\n  - files:\n      include: [/a]\n      redact:\n        - {pattern: \"[a\"}",
            expected:
                "firn.yaml:5:21: inputs[0].files.redact[0].pattern: regular expression '[a' is wrong at character 3: missing terminating ] for character class"
        ),
        Case(
            text: "archive: Prod",
            expected: #"firn.yaml:1:10: archive: "Prod" is not a valid name; write 1 to 63 of a-z, 0-9 and -"#),
        Case(
            text: "host: \"web 1\"",
            expected:
                #"firn.yaml:1:7: host: "web 1" is not a valid host; write letters, digits, '.', '-' and '_', at most 255"#
        ),
        Case(text: "host:", expected: "firn.yaml:1:6: host: nothing stands where a value belongs"),
        Case(text: "archive: [a]", expected: "firn.yaml:1:10: archive: a list stands where a value belongs"),
        Case(text: "spool: /var", expected: #"firn.yaml:1:8: spool: "/var" stands where a section of keys belongs"#),
        Case(
            text: "stores: file:///a",
            expected: #"firn.yaml:1:1: stores: "file:///a" stands where a list belongs; begin each element with a dash"#
        ),
        Case(text: "- a", expected: "firn.yaml:1:1: a list stands where a section of keys belongs"),
        Case(
            text: "spool: {max_bytes: 10Gb}",
            expected: #"firn.yaml:1:20: spool.max_bytes: "Gb" is not a unit of size; did you mean 10GB?"#),
        Case(
            text: "spool: {max_bytes: 1000}",
            expected: #"firn.yaml:1:20: spool.max_bytes: "1000" has no unit; write 1000B, 1000KiB or 1000MiB"#),
        Case(
            text: "spool: {max_bytes: 9999999TiB}",
            expected: #"firn.yaml:1:20: spool.max_bytes: "9999999TiB" exceeds 63 bits of bytes"#),
        Case(
            text: "spool: {max_bytes: 100MiB}",
            expected:
                "firn.yaml:1:20: spool.max_bytes: 100MiB does not hold two chunks; write at least 128MiB, or lower roll.chunk_bytes"
        ),
        Case(
            text: "spool: {path: spool}",
            expected: #"firn.yaml:1:15: spool.path: "spool" is not an absolute path; begin it with /"#),
        Case(
            text: "roll: {block_age: 5}",
            expected: #"firn.yaml:1:19: roll.block_age: "5" has no unit; write 5s, 5m, 5h or 5d"#),
        Case(
            text: "roll: {block_age: 5 minutes}",
            expected: #"firn.yaml:1:19: roll.block_age: "5 minutes" has no unit; write 5s, 5m, 5h or 5d"#),
        Case(
            text: "roll: {chunk_age: 40d}",
            expected: "firn.yaml:1:19: roll.chunk_age: 40d is out of range; write a duration from 100ms to 30d"),
        Case(
            text: "roll: {chunk_bytes: 2GiB}",
            expected: "firn.yaml:1:21: roll.chunk_bytes: 2GiB is out of range; write a size from 64KiB to 1GiB"),
        Case(
            text: "roll: {block_bytes: 16MiB, chunk_bytes: 1MiB}",
            expected:
                "firn.yaml:1:41: roll.chunk_bytes: a chunk of 1MiB is smaller than one block; raise it, or lower roll.block_bytes"
        ),
        Case(
            text: "compression: {level: high}",
            expected: #"firn.yaml:1:22: compression.level: "high" is not a whole number; write one from 1 to 19"#),
        Case(
            text: "metrics: {listen: localhost}",
            expected: #"firn.yaml:1:19: metrics.listen: "localhost" has no port; write one like 127.0.0.1:9599"#),
        Case(
            text: "stores: [{name: a}]",
            expected: "firn.yaml:1:10: stores[0]: the store has no url; write url: file:///PATH or s3://BUCKET/PREFIX"),
        Case(
            text: "stores: [{url: \"s3://key:secret@logs/x\"}]",
            expected:
                "firn.yaml:1:16: stores[0].url: the URL carries a user name or password; remove them; credentials come from the environment or from a profile of AWS's shared files"
        ),
        Case(
            text: "stores: [{url: \"s3://logs?endpoint=http://a\", endpoint: \"http://b\"}]",
            expected: "firn.yaml:1:57: stores[0].endpoint: the URL's query says otherwise; say it in one place"),
        Case(
            text: "stores: [{url: file:///a, region: x}]",
            expected:
                "firn.yaml:1:27: stores[0].region: it means nothing for a directory; remove it, or write an s3:// URL"),
        Case(
            text: "stores:\n  - url: file:///a\n  - url: /a/\n",
            expected: "firn.yaml:3:5: stores[1].url: this is the same place as stores[0]; remove one of them"),
        Case(
            text: "stores:\n  - {name: a, url: file:///a}\n  - {name: a, url: file:///b}\n",
            expected:
                #"firn.yaml:3:6: stores[1].name: stores[0] has the name "a" too; give each store a name of its own"#),
        Case(
            text: "stores: [{url: file:///a}]\nredundancy: {copies: 2}",
            expected:
                "firn.yaml:2:22: redundancy.copies: 2 copies need as many stores; there are 1; add stores or lower copies"
        ),
        Case(
            text: "redundancy: {copies: 1, acknowledge: 2}",
            expected:
                "firn.yaml:1:38: redundancy.acknowledge: 2 is more than the 1 copies there are; write at most 1"),
        Case(
            text: "redundancy: {data: 4, parity: 2, acknowledge: 5}",
            expected:
                "firn.yaml:1:20: redundancy.data: 6 shards need as many stores; there are 0; add stores or lower data"),
        Case(
            text: """
                stores: [{name: a, url: /a}, {name: b, url: /b}, {name: c, url: /c}]
                redundancy: {data: 2, parity: 1, acknowledge: 1}
                """,
            expected:
                "firn.yaml:2:47: redundancy.acknowledge: a chunk cannot be read from 1 shards; write at least 2"),
        Case(
            text: """
                stores: [{url: /a}, {url: /b}]
                redundancy: {copies: 2, data: 1, parity: 1}
                """,
            expected: "firn.yaml:2:22: redundancy.copies: copies and shards exclude each other; keep one of them"),
        Case(
            text: "stores: [{url: /a, domain: x}, {url: /b, domain: x}]",
            expected:
                "firn.yaml:1:1: redundancy: 2 stores of a chunk share 1 failure domains; add stores of other domains, or write allow_shared_domain: true"
        ),
        Case(
            text: "inputs: [{files: {}}]",
            expected: #"firn.yaml:1:18: inputs[0].files: include is missing; write include: ["/var/log/**/*.log"]"#),
        Case(
            text: "inputs: [{files: {include: [\"*.log\"]}}]",
            expected:
                #"firn.yaml:1:29: inputs[0].files.include[0]: "*.log" is not an absolute path; begin it with /, as in /var/log/**/*.log"#
        ),
        Case(
            text: "inputs: [{files: {include: [/a], start: middle, timezone: Paris}}]",
            expected: """
                firn.yaml:1:41: inputs[0].files.start: "middle" is not a place to start; write beginning or end
                firn.yaml:1:59: inputs[0].files.timezone: "Paris" is not a known time zone; write one like Europe/Paris, UTC or +01:00
                """),
        Case(
            text: "inputs: [{}]",
            expected:
                "firn.yaml:1:10: inputs[0]: the input has no kind; write one of files, syslog, journal, stdin, http, agents, queue"
        ),
    ]

    @Test(arguments: cases)
    func messagesNamePlaceReasonAndRemedy(example: Case) {
        #expect(problems(example.text) == example.expected)
    }

    static let later = [
        Case(
            text: "inputs:\n  - http: {listen: \"127.0.0.1:4318\"}",
            expected:
                "firn.yaml:2:5: inputs[0].http: http inputs are not supported by this version; remove it; files, syslog, journal and stdin are"
        ),
        Case(
            text: "inputs:\n  - agents: {listen: \"127.0.0.1:7070\"}",
            expected:
                "firn.yaml:2:5: inputs[0].agents: agents inputs are not supported by this version; remove it; files, syslog, journal and stdin are"
        ),
        Case(
            text: "inputs:\n  - queue: {url: \"nats://127.0.0.1:4222\", stream: firn}",
            expected:
                "firn.yaml:2:5: inputs[0].queue: queue inputs are not supported by this version; remove it; files, syslog, journal and stdin are"
        ),
        Case(
            text: "forward: {collectors: [\"http://c1:7070\", \"http://c2:7070\"]}",
            expected: "firn.yaml:1:1: forward: forwarding is not supported by this version; write stores instead"),
        Case(
            text: "forward: {queue: \"nats://a:4222\", stream: firn}",
            expected: "firn.yaml:1:1: forward: forwarding is not supported by this version; write stores instead"),
    ]

    @Test(arguments: later)
    func whatComesLaterIsRefusedPlainly(example: Case) {
        #expect(problems(example.text) == example.expected)
    }

    @Test func whatComesLaterIsReadStrictlyToo() {
        #expect(
            problems("inputs:\n  - http: {listen: \"127.0.0.1\", tsl: true}") == """
                firn.yaml:2:5: inputs[0].http: http inputs are not supported by this version; remove it; files, syslog, journal and stdin are
                firn.yaml:2:20: inputs[0].http.listen: "127.0.0.1" has no port; write one like 127.0.0.1:9599
                firn.yaml:2:33: inputs[0].http: unknown key "tsl"; known keys: listen
                """)
    }

    @Test func allProblemsComeAtOnceFromTopToBottom() {
        let text = """
            metrics: {listen: 9599}
            stores:
              - url: ftp://a
            archive: A
            spool: {max: 1GiB}
            """
        #expect(
            problems(text, ["FIRN_COMPRESSION_LEVEL": "99"]) == """
                firn.yaml:1:19: metrics.listen: "9599" has no port; write one like 127.0.0.1:9599
                firn.yaml:3:10: stores[0].url: the URL has the unknown scheme ftp; write file:///PATH, or s3://BUCKET/PREFIX?endpoint=URL for a server of your own
                firn.yaml:4:10: archive: "A" is not a valid name; write 1 to 63 of a-z, 0-9 and -
                firn.yaml:5:9: spool: unknown key "max"; known keys: path, max_bytes
                environment variable FIRN_COMPRESSION_LEVEL: 99 is out of range; write a number from 1 to 19
                """)
    }

    @Test(arguments: [
        "a: [1", "a: b: c", "\tx: 1", "a: *nowhere", "archive: a\narchive: b", "a: 1\n---\nb: 2", "? [a]\n: 1",
        "a: \"\u{1}\"",
        "\u{FEFF}{", "{{{{", "&a [*a]",
    ])
    func whatIsNotYAMLHasAPlaceToo(text: String) {
        let message = problems(text)
        #expect(message.prefix(10) == "firn.yaml:", "\(message)")
        #expect(!message.contains("Foundation") && !message.contains("Context:"), "\(message)")
    }

    @Test func duplicateKeysAreNamed() {
        #expect(
            problems("archive: a\narchive: b") == #"firn.yaml:1:1: the key "archive" stands twice; keep one of them"#)
    }

    @Test func aMachineWithoutAUsableNameNeedsOne() throws {
        #expect(
            problems("", hostName: "(none)")
                == #"firn.yaml:1:1: host: this machine's name "(none)" cannot serve; set host"#)
        #expect(problems("host: web-1", hostName: "(none)") == "accepted")
    }

    @Test func aMissingFileIsNamed() {
        #expect {
            try ConfigurationFile.find(named: "/nonexistent/firn.yaml", surroundings: surroundings())
        } throws: { error in
            "\(error)".hasPrefix(
                "/nonexistent/firn.yaml:1:1: the configuration cannot be opened: No such file or directory")
        }
    }
}
