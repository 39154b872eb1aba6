/// Names that rotation gives: `a.log.1`, `a.log-20261123`, `0.log.20261123-101112`, `a-2026-11-23.log`, `a.log.old`, and
/// each with the ending of a compressed file.
enum RotatedName {
    /// Whether a file that was called `base` may be called `name` after rotation.
    static func matches(_ name: some Collection<UInt8>, of base: some Collection<UInt8>) -> Bool {
        // Most names in a folder share nothing.
        guard name.first == base.first else { return false }
        return bases(of: name).contains { $0.elementsEqual(base) }
    }

    /// What a file of that name may have been called before.
    static func bases(of name: some Collection<UInt8>) -> [ArraySlice<UInt8>] {
        let name = Array(name)
        let stem = name.dropLast(Compression.endingLength(of: name))
        var bases: [ArraySlice<UInt8>] = stem.count < name.count ? [stem] : []
        let dot = stem.lastIndex(of: UInt8(ascii: "."))
        for start in stem.indices.dropFirst() where separators.contains(stem[start]) {
            if isMark(stem[start...]) { bases.append(stem[..<start]) }
            if let dot, start < dot, isMark(stem[start..<dot]) { bases.append(stem[..<start] + stem[dot...]) }
        }
        return bases
    }

    /// What rotation puts in: a separator and a number or a time, or `.old`.
    private static func isMark(_ mark: ArraySlice<UInt8>) -> Bool {
        if mark.elementsEqual(".old".utf8) { return true }
        return mark.contains(where: isDigit)
            && mark.allSatisfy { isDigit($0) || separators.contains($0) || times.contains($0) }
    }

    private static let separators = Array(".-_".utf8)
    private static let times = Array(":TZ+".utf8)
    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}

extension Compression {
    /// How many bytes of a name are the ending of a compressed file: 0 where it has none.
    static func endingLength(of name: some BidirectionalCollection<UInt8>) -> Int {
        for kind in allCases where kind != .none {
            let ending = kind.ending.utf8
            if name.count > ending.count, name.suffix(ending.count).elementsEqual(ending) { return ending.count }
        }
        return 0
    }
}

extension RawPath {
    /// What the file was called before it was compressed.
    var withoutCompression: RawPath { RawPath(bytes: bytes.dropLast(Compression.endingLength(of: name))) }
}
