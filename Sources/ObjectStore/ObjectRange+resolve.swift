extension ObjectRange {
    /// Where the range lies in an object of `objectSize` bytes.
    func resolve(objectSize: UInt64) throws(LocalFailure) -> (offset: UInt64, count: Int) {
        switch self {
        case .whole: return (0, try Self.count(objectSize))
        case .suffix(let length):
            guard length > 0 else { throw Self.emptyRange }
            return (objectSize - min(length, objectSize), try Self.count(min(length, objectSize)))
        case .bytes(let offset, let length):
            guard length > 0 else { throw Self.emptyRange }
            guard offset < objectSize else {
                throw LocalFailure(.rangeNotSatisfiable, "byte \(offset) wanted of an object of \(objectSize) bytes")
            }
            guard length <= objectSize - offset else {
                throw LocalFailure(
                    .corrupt, "\(length) bytes wanted from byte \(offset) of an object of \(objectSize) bytes")
            }
            return (offset, try Self.count(length))
        }
    }

    private static var emptyRange: LocalFailure { LocalFailure(.rejected, "a range of no bytes") }

    private static func count(_ length: UInt64) throws(LocalFailure) -> Int {
        guard let count = Int(exactly: length) else { throw LocalFailure(.rejected, "\(length) bytes wanted at once") }
        return count
    }
}
