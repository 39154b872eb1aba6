import ArchiveTypes

/// Fields of a header or directory: a varint key (number times 2, plus 1 where a reader must know the field), a varint
/// length, the value. They stand in ascending order of number, each at most once.
struct FieldWriter {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func append(_ number: UInt64, required: Bool = true, _ value: [UInt8]) {
        bytes.append(varint: number << 1 | (required ? 1 : 0))
        bytes.append(lengthPrefixed: value)
    }
}

struct FieldReader {
    private var reader: ByteReader
    private var last: UInt64 = 0

    init(_ reader: ByteReader) { self.reader = reader }

    /// The next field, nil at the end.
    mutating func next() throws(FormatError) -> (number: UInt64, isRequired: Bool, value: ArraySlice<UInt8>)? {
        guard !reader.isAtEnd else { return nil }
        do throws(MalformedBytes) {
            let at = reader.offset
            let key = try reader.readVarint()
            guard key >> 1 > last else { throw MalformedBytes("field \(key >> 1) stands after field \(last)", at: at) }
            last = key >> 1
            return (last, key & 1 == 1, try reader.readLengthPrefixed(atMost: reader.remaining))
        } catch {
            throw FormatError(error)
        }
    }
}

extension FormatError {
    init(_ malformed: MalformedBytes) { self.init(.damaged, at: UInt64(malformed.offset), malformed.what) }
}

/// Runs a parser of a field's value, which must use up all of it.
func parse<Value>(
    _ bytes: ArraySlice<UInt8>, _ body: (inout ByteReader) throws(MalformedBytes) -> Value
) throws(FormatError) -> Value {
    do throws(MalformedBytes) {
        var reader = ByteReader(bytes)
        let value = try body(&reader)
        guard reader.isAtEnd else { throw MalformedBytes("\(reader.remaining) bytes too many", at: reader.offset) }
        return value
    } catch {
        throw FormatError(error)
    }
}
