import Glibc

/// A path as Linux has it: bytes without NUL, in no particular encoding.
package struct RawPath: Sendable, Hashable, Comparable {
    package let bytes: [UInt8]

    package init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    package init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// The path behind a stream's source: the inverse of `description`. A name that itself contains `%80` to `%FF` is
    /// taken for an escape; who looks for such a file has to know its identity.
    package init(source: String) {
        var bytes: [UInt8] = []
        var rest = Array(source.utf8)[...]
        while let byte = rest.first {
            let escape = byte == UInt8(ascii: "%") ? String(decoding: rest.dropFirst().prefix(2), as: UTF8.self) : ""
            if escape.utf8.count == 2, let value = UInt8(escape, radix: 16), value >= 0x80 {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        self.bytes = bytes
    }

    package var isAbsolute: Bool { bytes.first == .slash }

    /// What stands after the last slash.
    package var name: ArraySlice<UInt8> {
        bytes.lastIndex(of: .slash).map { bytes[($0 + 1)...] } ?? bytes[...]
    }

    /// What stands before the last slash: `/` for what lies there, `.` for a bare name.
    package var folder: RawPath {
        guard let slash = bytes.lastIndex(of: .slash) else { return RawPath(".") }
        return slash == 0 ? RawPath("/") : RawPath(bytes: bytes[..<slash])
    }

    package func appending(_ name: some Collection<UInt8>) -> RawPath {
        var longer = bytes
        longer.reserveCapacity(bytes.count + name.count + 1)
        if longer.last != .slash { longer.append(.slash) }
        longer.append(contentsOf: name)
        return RawPath(bytes: longer)
    }

    /// The path from the root, without `.`, `..` and doubled slashes; `base` is where a relative one begins. Symbolic
    /// links are left as they are, as in the paths that globs match.
    package func absolute(from base: RawPath) -> RawPath {
        var parts: [ArraySlice<UInt8>] = []
        for part in ((isAbsolute ? [] : base.bytes + [.slash]) + bytes).split(separator: .slash) {
            switch Array(part) {
            case Array(".".utf8): continue
            case Array("..".utf8): _ = parts.popLast()
            default: parts.append(part)
            }
        }
        return RawPath(bytes: [.slash] + parts.joined(separator: [.slash]))
    }

    package func withCString<Result, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let terminated = bytes.map { CChar(bitPattern: $0) } + [0]
        return try terminated.withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
            guard let base = buffer.baseAddress else { preconditionFailure("a terminated array is never empty") }
            return try body(base)
        }
    }

    package static func < (left: RawPath, right: RawPath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension RawPath: CustomStringConvertible {
    /// The path as text, and as the source of a stream: bytes that are not UTF-8 stand as `%XX`.
    package var description: String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        var text = ""
        var rest = bytes[...]
        while let byte = rest.first {
            if let (scalar, length) = rest.firstScalar {
                text.unicodeScalars.append(scalar)
                rest = rest.dropFirst(length)
            } else {
                text += "%" + String(byte, radix: 16, uppercase: true)
                rest = rest.dropFirst()
            }
        }
        return text
    }
}

extension ArraySlice<UInt8> {
    /// The UTF-8 scalar that the bytes begin with, and its length; nil where they begin otherwise.
    var firstScalar: (scalar: Unicode.Scalar, length: Int)? {
        for length in 1...4 where length <= count {
            if let text = String(validating: prefix(length), as: UTF8.self), let scalar = text.unicodeScalars.first {
                return (scalar, length)
            }
        }
        return nil
    }
}

extension UInt8 {
    static let slash = UInt8(ascii: "/")
    static let newline = UInt8(ascii: "\n")
}
