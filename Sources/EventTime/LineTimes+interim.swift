package import ArchiveTypes

extension LineTimes {
    package func encoded() -> [UInt8] {
        switch self {
        case .format: return [0]
        case .column(let bytes): return [1] + bytes
        }
    }

    package init(decoding bytes: ArraySlice<UInt8>) throws(MalformedBytes) {
        guard let first = bytes.first else { throw MalformedBytes("no times", at: 0) }
        self = first == 1 ? .column(Array(bytes.dropFirst())) : .format(TimeFormatUse(format: "none.1", utcOffset: 0, year: 0, carry: 0, received: 0))
    }
}
