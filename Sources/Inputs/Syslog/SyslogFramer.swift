import Glibc

/// Cuts the bytes of a stream connection into syslog messages (RFC 6587), told anew for each: octet counting (section
/// 3.4.1) where it begins with a count, a space and `<`, as in `83 <34>1 ...`; else up to a newline (section 3.4.2).
///
/// Holds at most `limit` bytes of an unfinished message. A longer one is given out in parts of `limit` bytes.
package struct SyslogFramer {
    /// Takes a message, or a part of one: `isRest` where what was given out before belongs to it.
    package typealias Body = (_ message: UnsafeRawBufferPointer, _ isRest: Bool) -> Void

    package let limit: Int
    /// Parts beyond the first that messages were split into.
    package private(set) var splits: UInt64 = 0
    private var phase = Phase.start
    /// What there is of an unfinished message, or of its count.
    private var held: [UInt8] = []
    /// Whether parts of the unfinished message were given out.
    private var isInsideMessage = false

    private enum Phase: Equatable {
        /// Nothing yet, or what may become a count.
        case start
        /// Up to a newline.
        case line
        /// So many bytes, with those that are held.
        case counted(Int)
    }

    private static let countDigits = 9

    /// - Parameter limit: the longest message, in bytes; at least 16.
    package init(limit: Int) {
        precondition(limit >= 16, "a message holds more than its count")
        self.limit = limit
    }

    /// Takes what was read from the connection and gives out the messages that it completes.
    package mutating func take(_ bytes: UnsafeRawBufferPointer, _ body: Body) {
        var rest = bytes
        while !rest.isEmpty {
            let used: Int
            switch phase {
            case .start: used = begin(rest[0])
            case .line: used = takeLine(rest, body)
            case .counted(let wanted): used = takeCounted(rest, wanted, body)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
        }
    }

    /// The connection has ended: what is left is a message too.
    package mutating func finish(_ body: Body) {
        emit(UnsafeRawBufferPointer(start: nil, count: 0), isWhole: true, body)
    }

    /// Takes a byte of a count, or finds out what follows, and then takes none.
    private mutating func begin(_ byte: UInt8) -> Int {
        let isDigit = 0x30...0x39 ~= byte
        switch held.last {
        case nil where isDigit && byte != UInt8(ascii: "0"): break
        case UInt8(ascii: " ")? where byte == UInt8(ascii: "<"):
            phase = .counted(held.dropLast().reduce(0) { $0 * 10 + Int($1 - 0x30) })
            held.removeAll(keepingCapacity: true)
            return 0
        case let last? where last != UInt8(ascii: " ") && isDigit && held.count < Self.countDigits: break
        case let last? where last != UInt8(ascii: " ") && byte == UInt8(ascii: " "): break
        default:
            phase = .line
            return 0
        }
        held.append(byte)
        return 1
    }

    private mutating func takeCounted(
        _ bytes: UnsafeRawBufferPointer, _ wanted: Int, _ body: Body
    ) -> Int {
        let whole = min(wanted, limit)
        let count = min(bytes.count, whole - held.count)
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        guard held.count + count == whole else {
            held.append(contentsOf: part)
            return count
        }
        emit(part, isWhole: wanted <= limit, body)
        if wanted > limit { phase = .counted(wanted - limit) }
        return count
    }

    private mutating func takeLine(_ bytes: UnsafeRawBufferPointer, _ body: Body) -> Int {
        let room = limit - held.count
        let seen = UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, room + 1)])
        if let start = seen.baseAddress, let found = memchr(start, 0x0A, seen.count) {
            let count = UnsafeRawPointer(found) - start
            emit(UnsafeRawBufferPointer(rebasing: bytes[..<count]), isWhole: true, body)
            return count + 1
        }
        guard bytes.count > room else {
            held.append(contentsOf: bytes)
            return bytes.count
        }
        emit(UnsafeRawBufferPointer(rebasing: bytes[..<room]), isWhole: false, body)
        return room
    }

    /// Gives out what is held and `part` after it.
    private mutating func emit(_ part: UnsafeRawBufferPointer, isWhole: Bool, _ body: Body) {
        let isRest = isInsideMessage
        isInsideMessage = !isWhole
        if isWhole { phase = .start } else { splits += 1 }
        guard !held.isEmpty else {
            if !part.isEmpty { body(part, isRest) }
            return
        }
        held.append(contentsOf: part)
        held.withUnsafeBytes { body($0, isRest) }
        held.removeAll(keepingCapacity: held.capacity <= 4096)
    }
}
