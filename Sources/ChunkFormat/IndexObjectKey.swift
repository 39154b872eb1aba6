package import ArchiveTypes

/// `index/KIND/AFTER-THROUGH-LAST-EDITION-DIGEST-PART.tsv.zst`.
///
/// The digest is of the coverage; the hours, `YYYYMMDDHH`, are the coverage's, so that a listing alone tells which
/// objects are worth a look among all those that later ones have replaced: closed hours begin after AFTER (zeros: the
/// beginning) and end with THROUGH (zeros: none), LAST is the last hour of which anything is covered. A higher edition
/// replaces a lower one of the same hours. Edition: 2 digits, part: 4.
package struct IndexObjectKey: Sendable, Hashable, CustomStringConvertible {
    package var kind: IndexKind
    package var name: IndexName
    package var part: Int

    package static let greatestPart = 9999
    private static let ending = ".tsv.zst"

    package init(kind: IndexKind, name: IndexName, part: Int) {
        self.kind = kind
        self.name = name
        self.part = part
    }

    package init?(_ key: String) {
        guard key.utf8.count <= Limits.keyBytes, key.hasSuffix(Self.ending),
            let kind = IndexKind.allCases.first(where: { key.hasPrefix($0.folder) })
        else { return nil }
        let text = key.dropFirst(kind.folder.count).dropLast(Self.ending.count)
        let fields = text.split(separator: "-", omittingEmptySubsequences: false)
        guard fields.count == 6, fields[5].utf8.count == 4, let part = Int(fields[5]),
            let name = IndexName(fields: fields.dropLast())
        else { return nil }
        self.init(kind: kind, name: name, part: part)
        guard description == key else { return nil }
    }

    package var description: String { "\(kind.folder)\(name)-\(padded(part, 4))\(Self.ending)" }
}

/// What the names of all parts of one coverage share.
package struct IndexName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var closed: IndexCoverage.ClosedHours?
    package var last: Hour?
    package var edition: UInt8
    package var digest: String

    package static let greatestEdition: UInt8 = 99
    private static let noHour = "0000000000"

    package init(_ coverage: IndexCoverage) {
        closed = coverage.closed
        last = coverage.last
        edition = coverage.edition
        digest = coverage.digest
    }

    init?(fields: ArraySlice<Substring>) {
        let fields = Array(fields)
        guard fields.count == 5, let after = Self.hour(fields[0]), let through = Self.hour(fields[1]),
            let last = Self.hour(fields[2]), fields[3].utf8.count == 2, let edition = UInt8(fields[3]),
            fields[4].utf8.count == 32, fields[4].utf8.allSatisfy({ $0.isKeyCharacter })
        else { return nil }
        if let through {
            guard let hours = IndexCoverage.ClosedHours(after: after, through: through) else { return nil }
            closed = hours
        } else {
            guard after == nil else { return nil }
            closed = nil
        }
        self.last = last
        self.edition = edition
        digest = String(fields[4])
    }

    package var description: String {
        [
            Self.text(closed?.after), Self.text(closed?.through), Self.text(last), padded(Int(edition), 2), digest,
        ].joined(separator: "-")
    }

    package static func < (left: IndexName, right: IndexName) -> Bool {
        left.description.isBefore(right.description)
    }

    private static func text(_ hour: Hour?) -> String {
        guard let hour else { return noHour }
        return hour.description.filter { $0 != "-" && $0 != "/" }
    }

    /// The outer nil: malformed; the inner: no hour.
    private static func hour(_ text: Substring) -> Hour?? {
        guard text.utf8.count == 10 else { return nil }
        if text == noHour { return .some(nil) }
        let date = text.dropLast(2)
        let day = "\(date.dropLast(4))-\(date.dropFirst(4).dropLast(2))-\(date.suffix(2))"
        return Hour("\(day)/\(text.suffix(2))").map { .some($0) }
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}
