import ArchiveTypes
import Checksums

/// The JSON of a manifest, written straight into bytes: a chunk of many small blocks has a long one, and it must not take
/// many times its length of memory to put it together.
extension Manifest {
    /// One line with sorted keys, without spaces, and a newline.
    package func json() -> [UInt8] {
        var interner = Interner<StreamIdentity>()
        for block in blocks { interner.add(StreamIdentity(block)) }
        var counting = JSONBytes(isCounting: true)
        write(interner, to: &counting)
        var json = JSONBytes(isCounting: false)
        json.bytes.reserveCapacity(counting.count)
        write(interner, to: &json)
        return json.bytes
    }

    private func write(_ interner: Interner<StreamIdentity>, to json: inout JSONBytes) {
        json.append("{\"archive\":")
        json.append(string: description.archive)
        json.append(",\"blocks\":[")
        for (index, block) in blocks.enumerated() {
            if index > 0 { json.append(",") }
            block.write(stream: interner.index(of: StreamIdentity(block)), to: &json)
        }
        json.append("],\"chunk\":")
        json.append(string: chunk.description)
        json.append(",\"format\":")
        json.append(UInt64(Self.version))
        json.append(",\"length\":")
        json.append(length)
        if let previous = description.previous {
            json.append(",\"previous\":")
            json.append(string: hex(previous))
        }
        write(description.redundancy, to: &json)
        json.append(",\"sealed\":")
        json.append(string: CivilTime.rfc3339(description.sealed))
        json.append(",\"sequence\":")
        json.append(description.sequence)
        json.append(",\"sha256\":")
        json.append(string: hex(sha256))
        json.append(",\"streams\":[")
        for (index, identity) in interner.values.enumerated() {
            if index > 0 { json.append(",") }
            identity.write(to: &json)
        }
        json.append("],\"writer\":")
        json.append(string: description.writer.description)
        json.append("}\n")
    }

    private func write(_ rule: Redundancy, to json: inout JSONBytes) {
        json.append(",\"redundancy\":{\"acknowledge\":")
        json.append(UInt64(rule.acknowledge))
        json.append(",\"copies\":")
        json.append(UInt64(rule.copies))
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

/// Bytes of JSON (RFC 8259), or how many there would be.
struct JSONBytes {
    let isCounting: Bool
    var bytes: [UInt8] = []
    private(set) var count = 0

    init(isCounting: Bool) { self.isCounting = isCounting }

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
        count += more.count
        if !isCounting { bytes.append(contentsOf: more) }
    }
}
