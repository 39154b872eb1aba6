/// What the configuration already describes and this version does not do: read as strictly as everything else, so that
/// a file is either wrong or merely early, and answered with a plain refusal.
enum LaterFeatures {
    static let inputKinds = ["http", "agents", "queue"]

    static func input(_ kind: String, reading section: inout SectionReader) {
        var inner = section.section(kind)
        switch kind {
        case "queue":
            require("url", "nats://127.0.0.1:4222", &inner, queueURL)
            require("stream", "firn", &inner, anyText)
        default: require("listen", "127.0.0.1:7070", &inner, Endpoint.listener)
        }
        inner.finish()
        section.report(
            kind,
            InvalidValue(
                "\(kind) inputs are not supported by this version",
                hint: "remove it; files, syslog, journal and stdin are"))
    }

    static func forward(reading root: inout SectionReader) {
        var inner = root.section("forward")
        guard root.mentions("forward") else { return }
        _ = inner.scalars("collectors") { (text) throws(InvalidValue) in try Endpoint.parse(text) }
        _ = inner.scalar("queue", queueURL)
        _ = inner.scalar("stream", anyText)
        inner.finish()
        root.report(
            "forward", InvalidValue("forwarding is not supported by this version", hint: "write stores instead"))
    }

    private static func require(
        _ key: String, _ example: String, _ section: inout SectionReader,
        _ parse: (String) throws(InvalidValue) -> String
    ) {
        if section.scalar(key, parse) == nil, !section.mentions(key) {
            section.report(nil, InvalidValue("\(key) is missing", hint: "write \(key): \"\(example)\""))
        }
    }

    private static func queueURL(_ text: String) throws(InvalidValue) -> String {
        try Endpoint.parse(text, schemes: ["nats", "tls"])
    }

    private static func anyText(_ text: String) throws(InvalidValue) -> String {
        guard !text.isEmpty else { throw InvalidValue("it is empty") }
        return text
    }
}
