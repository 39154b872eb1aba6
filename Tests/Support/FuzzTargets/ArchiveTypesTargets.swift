import ArchiveTypes

extension FuzzTarget {
    static let archiveTypes: [FuzzTarget] = [
        FuzzTarget("bytes", seeds: { [byteSeed()] }, readBytes),
        FuzzTarget(text: "keys", seeds: keySeeds) { text in
            try requireOneForm(text, ChunkKey(text)?.description, "chunk key")
            try requireOneForm(text, ShardKey(text)?.description, "shard key")
            try requireOneForm(text, ManifestKey(text)?.description, "manifest key")
            try requireOneForm(text, ObjectName(text)?.description, "object name")
            try requireOneForm(text, WriterID(text)?.description, "writer")
            try requireOneForm(text, Generation(text)?.description, "generation")
            try requireOneForm(text, Hour(text)?.description, "hour")
        },
        FuzzTarget(text: "rfc3339", seeds: ["2026-11-22T18:00:59.123456789Z", "1677-09-21T00:12:43.145224192Z"]) {
            text in
            let time = CivilTime(rfc3339Nanoseconds: text)?.nanoseconds
            try requireOneForm(text, time.map { CivilTime.rfc3339($0) }, "time")
        },
        FuzzTarget(
            text: "glob",
            seeds: ["web-*.[a-z_]?\\*\n/var/log", "**/*.log\n/a/b.log", "[!a-c]*[]x]\nd]", "a*a*a*b\naaaaaaa"],
            matchGlob),
    ]

    private static func byteSeed() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: 300)
        bytes.append(signedVarint: .min)
        bytes.append(lengthPrefixed: "text".utf8)
        bytes.append(littleEndian: UInt64.max)
        return bytes
    }

    /// Whatever is read, reading ends within the bytes.
    private static func readBytes(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(Array(bytes))
        while !reader.isAtEnd {
            let before = reader.offset
            let read: Void? = try unlessRefused(MalformedBytes.self) {
                switch bytes[before] & 3 {
                case 0: _ = try reader.readVarint()
                case 1: _ = try reader.readSignedVarint()
                case 2: _ = try reader.readText(atMost: 100)
                default: _ = try reader.read(UInt32.self)
                }
            }
            guard read != nil else { return }
            try require(reader.offset > before && reader.offset <= bytes.count, "reader moved to \(reader.offset)")
        }
    }

    private static let keySeeds = [
        "chunks/2026-11-22/18/web-1-0badcafe-0000000042-0123456789abcdef0123456789abcdef.zst",
        "chunks/2026-11-22/18/web-1-0badcafe-0000000042-0123456789abcdef0123456789abcdef.ec4-2-73400320.5",
        "manifests/2026-02-28/00/a-9999999999-0123456789abcdef0123456789abcdef.json.zst",
        "web-1-0badcafe-0000000042-0123456789abcdef0123456789abcdef", "1763800000000000000-00000000deadbeef",
        "2024-02-29/23",
    ]

    /// A pattern up to the first newline, then a text.
    private static func matchGlob(_ input: String) throws {
        let parts = input.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
        let text = parts.count > 1 ? String(parts[1]) : ""
        let glob = Glob(String(parts[0]))
        let matches = glob.matches(text)
        if matches { try require(text.utf8.starts(with: glob.prefix), "match of \(text) without its prefix") }
        if let literal = glob.literal {
            try require(matches == text.utf8.elementsEqual(literal.utf8), "\(literal) is literal")
        }
        try require(Glob("*").matches(text) && Glob("**").matches(text), "a star matches everything")
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { escaped.append(contentsOf: ["\\", scalar]) }
        try require(Glob(String(escaped)).matches(text), "an escaped text matches itself")
        var marks = String.UnicodeScalarView()
        for _ in text.unicodeScalars { marks.append("?") }
        try require(Glob(String(marks)).matches(text), "as many question marks match")
    }
}

/// What a parser accepts has one form: the one that is written.
func requireOneForm(_ text: String, _ written: String?, _ kind: String) throws {
    guard let written else { return }
    try require(written.utf8.elementsEqual(text.utf8), "\(kind) \(text.debugDescription) is written \(written)")
}
