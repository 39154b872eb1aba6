import ArchiveTypes
import Checksums

/// The JSON of a manifest: one line with sorted keys, without spaces, and a newline. A chunk of many small blocks has a
/// long one, of which only pieces are ever there.
struct ManifestText {
    private let manifest: Manifest
    private let streams: Interner<StreamIdentity>
    /// Its bytes.
    private(set) var count = 0

    init(_ manifest: Manifest) {
        self.manifest = manifest
        var streams = Interner<StreamIdentity>()
        for block in manifest.blocks { streams.add(StreamIdentity(block)) }
        self.streams = streams
        var total = 0
        write(in: 1 << 10) { total += $0.count }
        count = total
    }

    /// Hands it over in pieces of `length` bytes and a little more.
    func write<Failure: Error>(
        in length: Int, _ take: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var json = JSONBytes()
        json.append("{\"archive\":")
        json.append(string: manifest.description.archive)
        json.append(",\"blocks\":[")
        for (index, block) in manifest.blocks.enumerated() {
            if index > 0 { json.append(",") }
            block.write(stream: streams.index(of: StreamIdentity(block)), to: &json)
            try json.flush(atLeast: length, take)
        }
        writeFacts(to: &json)
        json.append(",\"streams\":[")
        for (index, identity) in streams.values.enumerated() {
            if index > 0 { json.append(",") }
            identity.write(to: &json)
            try json.flush(atLeast: length, take)
        }
        json.append("],\"writer\":")
        json.append(string: manifest.description.writer.description)
        json.append("}\n")
        try json.flush(atLeast: 0, take)
    }

    /// What stands between blocks and streams.
    private func writeFacts(to json: inout JSONBytes) {
        json.append("],\"chunk\":")
        json.append(string: manifest.chunk.description)
        json.append(",\"format\":")
        json.append(UInt64(Manifest.version))
        json.append(",\"length\":")
        json.append(manifest.length)
        if let previous = manifest.description.previous {
            json.append(",\"previous\":")
            json.append(string: hex(previous))
        }
        write(manifest.description.redundancy, to: &json)
        if manifest.revision != 0 {
            json.append(",\"revision\":")
            json.append(UInt64(manifest.revision))
        }
        json.append(",\"sealed\":")
        json.append(string: CivilTime.rfc3339(manifest.description.sealed))
        json.append(",\"sequence\":")
        json.append(manifest.description.sequence)
        json.append(",\"sha256\":")
        json.append(string: hex(manifest.sha256))
    }

    private func write(_ rule: Redundancy, to json: inout JSONBytes) {
        json.append(",\"redundancy\":{\"acknowledge\":")
        json.append(UInt64(rule.acknowledge))
        switch rule.rule {
        case .copies(let number):
            json.append(",\"copies\":")
            json.append(UInt64(number))
        case .erasure(let data, let parity):
            json.append(",\"data\":")
            json.append(UInt64(data))
            json.append(",\"parity\":")
            json.append(UInt64(parity))
        }
        json.append(",\"placement\":[")
        for (index, name) in rule.placement.enumerated() {
            if index > 0 { json.append(",") }
            json.append(string: name)
        }
        json.append("]}")
    }
}

extension BlockEntry {
    fileprivate func write(stream: UInt64, to json: inout JSONBytes) {
        json.append("{\"end\":")
        json.append(positions.end)
        json.append(",\"first\":")
        json.append(positions.first)
        json.append(",\"greatest\":")
        json.append(string: CivilTime.rfc3339(greatestTime))
        json.append(",\"header\":")
        json.append(headerLength)
        json.append(",\"kind\":")
        json.append(string: kind.name)
        json.append(",\"least\":")
        json.append(string: CivilTime.rfc3339(leastTime))
        json.append(",\"length\":")
        json.append(length)
        json.append(",\"lines\":")
        json.append(UInt64(lineCount))
        json.append(",\"offset\":")
        json.append(offset)
        json.append(",\"raw\":")
        json.append(rawLength)
        json.append(",\"raw_xxh64\":")
        json.append(string: hex(checksum: rawChecksum))
        json.append(",\"received\":")
        json.append(string: CivilTime.rfc3339(received))
        json.append(",\"stream\":")
        json.append(stream)
        json.append(",\"xxh64\":")
        json.append(string: hex(checksum: checksum))
        json.append("}")
    }
}

extension StreamIdentity {
    fileprivate func write(to json: inout JSONBytes) {
        json.append("{\"generation\":")
        json.append(string: generation.description)
        json.append(",\"host\":")
        json.append(string: stream.host)
        json.append(",\"labels\":{")
        for (index, pair) in labels.pairs.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { json.append(",") }
            json.append(string: pair.key)
            json.append(":")
            json.append(string: pair.value)
        }
        json.append("},\"source\":")
        json.append(string: stream.source)
        json.append("}")
    }
}

/// Bytes of JSON (RFC 8259).
struct JSONBytes {
    private(set) var bytes: [UInt8] = []

    /// Hands over what there is, if that is so many bytes.
    mutating func flush<Failure: Error>(
        atLeast count: Int, _ take: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard bytes.count >= max(1, count) else { return }
        try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in try take(UnsafeRawBufferPointer(bytes)) }
        bytes.removeAll(keepingCapacity: true)
    }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(UnsafeRawBufferPointer($0)) }
    }

    mutating func append(_ number: UInt64) {
        withUnsafeTemporaryAllocation(byteCount: 20, alignment: 1) { digits in
            var start = digits.count
            var rest = number
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            append(UnsafeRawBufferPointer(rebasing: digits[start...]))
        }
    }

    /// Section 7: what must be escaped is, with the short form where there is one.
    mutating func append(string: String) {
        var string = string
        append("\"")
        string.withUTF8 { text in
            var from = 0
            for (index, byte) in text.enumerated() where byte < 0x20 || byte == 0x22 || byte == 0x5C {
                append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[from..<index])))
                appendEscaped(byte)
                from = index + 1
            }
            append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: text[from...])))
        }
        append("\"")
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case 0x22: append("\\\"")
        case 0x5C: append("\\\\")
        case 0x08: append("\\b")
        case 0x0C: append("\\f")
        case 0x0A: append("\\n")
        case 0x0D: append("\\r")
        case 0x09: append("\\t")
        default:
            append("\\u00")
            for digit in [byte >> 4, byte & 15] {
                withUnsafeBytes(of: digit < 10 ? digit + UInt8(ascii: "0") : digit - 10 + UInt8(ascii: "a")) {
                    append($0)
                }
            }
        }
    }

    private mutating func append(_ more: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: more)
    }
}
