import ArchiveTypes

extension Configuration.Spool {
    init(reading section: SectionReader, roll: Configuration.Roll) {
        var section = section
        let standard = section.reader.surroundings.defaultSpoolPath
        let given = section.scalar("path") { (text) throws(InvalidValue) in
            try DirectoryPath.normalized(text, relativeTo: nil)
        }
        if given == nil, standard == nil, !section.mentions("path") {
            section.report("path", InvalidValue("there is no home directory to put a spool in", hint: "set spool.path"))
        }
        path = given?.value ?? standard ?? "/"
        let ceiling = section.scalar("max_bytes", ByteSize.parse)
        maxBytes = ceiling?.value ?? 10 << 30
        if let ceiling, ceiling.value < 2 * roll.chunkBytes {
            let least = ByteSize.text(2 * roll.chunkBytes)
            section.report(
                "max_bytes",
                InvalidValue(
                    "\(ByteSize.text(ceiling.value)) does not hold two chunks",
                    hint: "write at least \(least), or lower roll.chunk_bytes"),
                at: ceiling.place)
        }
        section.finish()
    }
}

extension Configuration.Roll {
    init(reading section: SectionReader) {
        var section = section
        blockBytes = section.scalar("block_bytes", default: 896 << 10) { (text) throws(InvalidValue) in
            try Self.size(text, 4 << 10...Limits.blockRawBytes)
        }
        blockAge = section.scalar("block_age", default: 5 * .perSecond, Self.age)
        let chunk = section.scalar("chunk_bytes") { (text) throws(InvalidValue) in
            try Self.size(text, 64 << 10...Limits.chunkBytes)
        }
        chunkBytes = chunk?.value ?? 64 << 20
        chunkAge = section.scalar("chunk_age", default: 5 * .perMinute, Self.age)
        if blockBytes > chunkBytes {
            section.report(
                "chunk_bytes",
                InvalidValue(
                    "a chunk of \(ByteSize.text(chunkBytes)) is smaller than one block",
                    hint: "raise it, or lower roll.block_bytes"),
                at: chunk?.place)
        }
        section.finish()
    }

    private static func size(_ text: String, _ range: ClosedRange<Int>) throws(InvalidValue) -> Int {
        let bytes = try ByteSize.parse(text)
        guard range ~= bytes else {
            let (least, greatest) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
            throw InvalidValue("\(text) is out of range", hint: "write a size from \(least) to \(greatest)")
        }
        return bytes
    }

    private static func age(_ text: String) throws(InvalidValue) -> Nanoseconds {
        let age = try DurationText.parse(text)
        guard 100_000_000...30 * .perDay ~= age else {
            throw InvalidValue("\(text) is out of range", hint: "write a duration from 100ms to 30d")
        }
        return age
    }
}

extension Configuration.Compression {
    init(reading section: SectionReader) {
        var section = section
        level = section.scalar("level", default: 1) { (text) throws(InvalidValue) in try WholeNumber.parse(text, 1...19)
        }
        section.finish()
    }
}

extension Configuration.Metrics {
    init(reading section: SectionReader) {
        var section = section
        listen = section.scalar("listen", Endpoint.listener)?.value
        section.finish()
    }
}
