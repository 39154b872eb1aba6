import ArchiveTypes

/// Makes JSON lines of the journal's export format
/// (https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-export-format), whatever pieces it comes in.
///
/// An entry becomes one object: `time` (RFC 3339, from `__REALTIME_TIMESTAMP`), then its fields in their order, as
/// `journalctl -o json` writes them: text as a string, other bytes as an array of numbers, a field that occurs several
/// times as an array of its values, and what is longer than `fieldBytes` as null. Memory is bounded by `entryBytes` and a
/// field: fields beyond that become null too.
package struct JournalExportParser {
    package struct Entry: Sendable, Hashable {
        /// With a newline.
        package var line: [UInt8]
        /// What `journalctl --after-cursor` takes to go on after it.
        package var cursor: [UInt8]
    }

    package static let fieldBytes = 256 << 10
    package static let entryBytes = 1 << 20
    private static let mostFields = 4096

    private enum Phase {
        /// A line: a field with its value, the name of a binary one, or nothing at the end of an entry.
        case line
        /// The rest of a line that is too long.
        case longLine
        /// 8 bytes, little endian.
        case size
        /// Of a binary field: so many bytes, and a newline.
        case value(Int)
        /// So many bytes of no interest.
        case skipped(UInt64)
    }

    private var phase = Phase.line
    private var held: [UInt8] = []
    private var name = ""
    private var names: [String] = []
    private var values: [String: [[UInt8]]] = [:]
    private var bytes = 0
    private var cursor: [UInt8] = []
    private var time: Nanoseconds?

    package init() {}

    /// Takes the next bytes and gives out the entries that they complete. What stands unfinished at the end of the
    /// stream is no entry.
    package mutating func take(_ input: UnsafeRawBufferPointer, _ body: (Entry) -> Void) {
        var rest = input
        while !rest.isEmpty {
            let used = step(rest, body)
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
        }
    }

    private mutating func step(_ input: UnsafeRawBufferPointer, _ body: (Entry) -> Void) -> Int {
        switch phase {
        case .line, .longLine: return takeLine(input, body)
        case .size: return take(input, upTo: 8) { parser in parser.beginValue() }
        case .value(let size): return take(input, upTo: size + 1) { parser in parser.endValue() }
        case .skipped(let left):
            let count = Int(min(UInt64(input.count), left))
            phase = left == UInt64(count) ? .line : .skipped(left - UInt64(count))
            return count
        }
    }

    private mutating func take(
        _ input: UnsafeRawBufferPointer, upTo size: Int, _ finish: (inout Self) -> Void
    ) -> Int {
        let count = min(input.count, size - held.count)
        held.append(contentsOf: input[..<count])
        if held.count == size { finish(&self) }
        return count
    }

    private mutating func takeLine(_ input: UnsafeRawBufferPointer, _ body: (Entry) -> Void) -> Int {
        let end = input.firstIndex(of: 0x0A)
        let part = input[..<(end ?? input.count)]
        if case .longLine = phase {
            if end != nil { phase = .line }
        } else if held.count + part.count > Self.fieldBytes {
            held.append(contentsOf: part.prefix(256))
            if let equals = held.firstIndex(of: UInt8(ascii: "=")) { addNull(held[..<equals]) }
            held.removeAll()
            phase = end == nil ? .longLine : .line
        } else {
            held.append(contentsOf: part)
            if end != nil { endLine(body) }
        }
        return part.count + (end == nil ? 0 : 1)
    }

    private mutating func endLine(_ body: (Entry) -> Void) {
        defer { held.removeAll(keepingCapacity: true) }
        guard !held.isEmpty else { return endEntry(body) }
        guard let equals = held.firstIndex(of: UInt8(ascii: "=")) else {
            name = String(decoding: held, as: UTF8.self)
            phase = .size
            return
        }
        add(String(decoding: held[..<equals], as: UTF8.self), held[(equals + 1)...])
    }

    private mutating func beginValue() {
        let size = held.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        held.removeAll(keepingCapacity: true)
        guard size <= UInt64(Self.fieldBytes) else {
            addNull(Array(name.utf8)[...])
            phase = .skipped(size == .max ? size : size + 1)
            return
        }
        phase = .value(Int(size))
    }

    private mutating func endValue() {
        add(name, held.dropLast())
        held.removeAll(keepingCapacity: true)
        phase = .line
    }

    private mutating func add(_ name: String, _ value: ArraySlice<UInt8>) {
        switch name {
        case "__CURSOR": cursor = Array(value)
        case "__REALTIME_TIMESTAMP":
            time = Int64(String(decoding: value, as: UTF8.self)).flatMap {
                let (nanoseconds, isTooGreat) = $0.multipliedReportingOverflow(by: 1000)
                return isTooGreat || nanoseconds < 0 ? nil : nanoseconds
            }
        default: break
        }
        guard bytes + value.count <= Self.entryBytes else { return addNull(Array(name.utf8)[...]) }
        insert(name, JournalJSON.value(value))
    }

    private mutating func addNull(_ name: ArraySlice<UInt8>) {
        insert(String(decoding: name, as: UTF8.self), Array("null".utf8))
    }

    private mutating func insert(_ name: String, _ json: [UInt8]) {
        // The journal's own names have at most 64 characters.
        guard name.utf8.count <= 256, names.count < Self.mostFields, values[name]?.count ?? 0 < Self.mostFields else {
            return
        }
        if values[name] == nil { names.append(name) }
        values[name, default: []].append(json)
        bytes += json.count + name.utf8.count
    }

    private mutating func endEntry(_ body: (Entry) -> Void) {
        defer {
            (names, values, bytes, cursor, time) = ([], [:], 0, [], nil)
        }
        guard !names.isEmpty, !cursor.isEmpty else { return }
        body(Entry(line: line(), cursor: cursor))
    }

    private func line() -> [UInt8] {
        var line: [UInt8] = [UInt8(ascii: "{")]
        if let time { line += "\"time\":\"\(CivilTime.rfc3339(time, fractionDigits: 6))\"".utf8 }
        for name in names {
            guard let values = values[name] else { continue }
            if line.count > 1 { line.append(UInt8(ascii: ",")) }
            JournalJSON.append(text: name.utf8, to: &line)
            line.append(UInt8(ascii: ":"))
            line += values.count == 1 ? values[0] : JournalJSON.array(values)
        }
        line += "}\n".utf8
        return line
    }
}

/// Values as `journalctl -o json` writes them.
enum JournalJSON {
    static func value(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var json: [UInt8] = []
        guard String(validating: bytes, as: UTF8.self) != nil else {
            return array(bytes.map { Array(String($0).utf8) })
        }
        append(text: bytes, to: &json)
        return json
    }

    static func array(_ values: [[UInt8]]) -> [UInt8] {
        [UInt8(ascii: "[")] + values.joined(separator: [UInt8(ascii: ",")]) + [UInt8(ascii: "]")]
    }

    static func append(text: some Sequence<UInt8>, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): json += [UInt8(ascii: "\\"), byte]
            case 0x0A: json += "\\n".utf8
            case 0x09: json += "\\t".utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                json += (digits.utf8.count == 1 ? "\\u000" : "\\u00").utf8
                json += digits.utf8
            default: json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }
}
