import ArchiveTypes

extension Configuration {
    /// The effective configuration as YAML, defaults filled in; `parse` reads the same configuration from it.
    package var yaml: String {
        var writer = YAMLWriter()
        writer.scalar("archive", archive)
        writer.scalar("host", host)
        writer.section("spool") { writer in
            writer.scalar("path", spool.path)
            writer.scalar("max_bytes", ByteSize.text(spool.maxBytes))
        }
        writer.list("stores", stores) { writer, store in store.write(to: &writer) }
        writer.section("redundancy") { writer in
            switch redundancy.rule {
            case .copies(let copies): writer.scalar("copies", "\(copies)")
            case .erasure(let data, let parity):
                writer.scalar("data", "\(data)")
                writer.scalar("parity", "\(parity)")
            }
            writer.scalar("acknowledge", "\(redundancy.acknowledge)")
            if redundancy.sharesDomains { writer.scalar("allow_shared_domain", "true") }
        }
        writer.list("inputs", inputs) { writer, input in
            switch input {
            case .files(let files): writer.section("files") { files.write(to: &$0) }
            case .syslog(let syslog): writer.section("syslog") { syslog.write(to: &$0) }
            case .journal(let journal): writer.section("journal") { journal.write(to: &$0) }
            case .stdin(let input): writer.section("stdin") { input.write(to: &$0) }
            }
        }
        writeTuning(to: &writer)
        return writer.text
    }

    private func writeTuning(to writer: inout YAMLWriter) {
        writer.section("roll") { writer in
            writer.scalar("block_bytes", ByteSize.text(roll.blockBytes))
            writer.scalar("block_age", DurationText.text(roll.blockAge))
            writer.scalar("chunk_bytes", ByteSize.text(roll.chunkBytes))
            writer.scalar("chunk_age", DurationText.text(roll.chunkAge))
        }
        writer.section("compression") { $0.scalar("level", "\(compression.level)") }
        guard let listen = metrics.listen else { return }
        writer.section("metrics") { $0.scalar("listen", listen) }
    }
}

extension StoreConfiguration {
    fileprivate func write(to writer: inout YAMLWriter) {
        if name != location.shortURL { writer.scalar("name", name) }
        writer.scalar("url", location.shortURL)
        if let domain { writer.scalar("domain", domain) }
        if let price { writer.scalar("price", "\(price)") }
        guard case .s3(let s3) = location else { return }
        if let endpoint = s3.endpoint { writer.scalar("endpoint", endpoint) }
        if let region = s3.region { writer.scalar("region", region) }
        if let pathStyle = s3.pathStyle { writer.scalar("path_style", "\(pathStyle)") }
        if let caFile = s3.caFile { writer.scalar("ca_file", caFile) }
        if let profile = s3.profile { writer.scalar("profile", profile) }
        if !s3.verifiesTLS { writer.scalar("verify_tls", "false") }
    }
}

extension FilesInput {
    fileprivate func write(to writer: inout YAMLWriter) {
        writer.scalars("include", include)
        if !exclude.isEmpty { writer.scalars("exclude", exclude) }
        labels.write(to: &writer)
        if let timezone { writer.scalar("timezone", timezone) }
        writer.scalar("start", start.rawValue)
        if format != .auto { writer.scalar("format", format.rawValue) }
        if let ignoreOlder { writer.scalar("ignore_older", DurationText.text(ignoreOlder)) }
        if !drop.isEmpty { writer.scalars("drop", drop) }
        guard !redact.isEmpty else { return }
        writer.list("redact", redact) { writer, redaction in
            writer.scalar("pattern", redaction.pattern)
            writer.scalar("with", redaction.mask)
        }
    }
}

extension Labels {
    fileprivate func write(to writer: inout YAMLWriter) {
        guard !pairs.isEmpty else { return }
        writer.section("labels") { writer in
            for pair in pairs { writer.scalar(pair.key, pair.value) }
        }
    }
}

extension SyslogInput {
    fileprivate func write(to writer: inout YAMLWriter) {
        writer.scalar("listen", listen.description)
        writer.scalar("source", source)
        labels.write(to: &writer)
        if let timezone { writer.scalar("timezone", timezone) }
        writer.scalar("message_bytes", ByteSize.text(messageBytes))
        writer.scalar("max_connections", "\(maxConnections)")
        if let certificate { writer.scalar("certificate", certificate) }
        if let key { writer.scalar("key", key) }
        if let clientCA { writer.scalar("client_ca", clientCA) }
    }
}

extension JournalInput {
    fileprivate func write(to writer: inout YAMLWriter) {
        if !units.isEmpty { writer.scalars("units", units) }
        if let directory { writer.scalar("directory", directory) }
        writer.scalar("source", source)
        labels.write(to: &writer)
    }
}

extension StandardInput {
    fileprivate func write(to writer: inout YAMLWriter) {
        writer.scalar("source", source)
        labels.write(to: &writer)
        if let timezone { writer.scalar("timezone", timezone) }
    }
}
