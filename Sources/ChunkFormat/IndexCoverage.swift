package import ArchiveTypes

/// Which manifests an index object holds the rows of. Equal coverage means equal rows.
///
/// An hour of manifests is *closed* when the store's clock is so far past its end that no PUT into it can be under way
/// any more. What is covered of closed hours is a run of whole hours; of others, sequences by writer.
package struct IndexCoverage: Sendable, Hashable {
    /// Raised where an object of the same hours exists that should not be used any more: it is damaged, or manifests
    /// that could not be read have been mended.
    package var edition: UInt8
    package let closed: ClosedHours?
    /// Of hours outside of `closed`.
    package private(set) var sequences: [Hour: [WriterID: SequenceSet]]
    /// Manifests of `closed` that could not be read: whoever uses the object reads them.
    package private(set) var exceptions: Set<ManifestKey>

    /// Whole hours, from the one after `after` (nil: from the beginning) to `through`.
    package struct ClosedHours: Sendable, Hashable {
        package var after: Hour?
        package var through: Hour

        /// Nil unless there is an hour between.
        package init?(after: Hour?, through: Hour) {
            guard after.map({ $0 < through }) ?? true else { return nil }
            self.after = after
            self.through = through
        }

        package func contains(_ hour: Hour) -> Bool { hour <= through && (after.map { $0 < hour } ?? true) }

        package func contains(_ other: ClosedHours) -> Bool {
            other.through <= through && !Self.isBefore(other.after, after)
        }

        /// Where one goes on where the other ends, or both share hours.
        package func joined(_ other: ClosedHours) -> ClosedHours? {
            guard after.map({ $0 <= other.through }) ?? true, other.after.map({ $0 <= through }) ?? true else {
                return nil
            }
            let first = Self.isBefore(after, other.after) ? after : other.after
            return ClosedHours(after: first, through: max(through, other.through))
        }

        /// The order of beginnings: nil is before every hour.
        package static func isBefore(_ left: Hour?, _ right: Hour?) -> Bool {
            guard let right else { return false }
            return left.map { $0 < right } ?? true
        }
    }

    package init(
        edition: UInt8 = 0, closed: ClosedHours? = nil, open: some Sequence<ManifestKey> = EmptyCollection(),
        exceptions: some Sequence<ManifestKey> = EmptyCollection()
    ) {
        self.edition = edition
        self.closed = closed
        sequences = [:]
        for key in open where closed.map({ !$0.contains(key.hour) }) ?? true {
            sequences[key.hour, default: [:]][key.name.writer, default: SequenceSet()].insert(key.name.sequence)
        }
        self.exceptions = Set(exceptions.lazy.filter { closed?.contains($0.hour) ?? false })
    }

    init(
        edition: UInt8, closed: ClosedHours?, sequences: [Hour: [WriterID: SequenceSet]], exceptions: Set<ManifestKey>
    ) {
        self.edition = edition
        self.closed = closed
        self.sequences = sequences
        self.exceptions = exceptions
    }

    package var isEmpty: Bool { closed == nil && sequences.isEmpty }

    /// The last hour that anything is covered of.
    package var last: Hour? { [closed?.through, sequences.keys.max()].compactMap { $0 }.max() }

    /// By its writer and sequence alone where its hour is not closed: see `ambiguousSequences`.
    package func covers(_ key: ManifestKey) -> Bool {
        if closed?.contains(key.hour) ?? false { return !exceptions.contains(key) }
        return sequences[key.hour]?[key.name.writer]?.contains(key.name.sequence) ?? false
    }

    /// Whether everything that `other` covers is covered here.
    package func contains(_ other: IndexCoverage) -> Bool {
        if let hours = other.closed {
            guard let closed, closed.contains(hours) else { return false }
        }
        for (hour, writers) in other.sequences where !(closed?.contains(hour) ?? false) {
            for (writer, theirs) in writers {
                guard let mine = sequences[hour]?[writer], mine.contains(theirs) else { return false }
            }
        }
        return !exceptions.contains { other.covers($0) }
    }

    /// The coverage of the same hours that the rows of `manifests`, which were exceptions, have been added to.
    package func resolving(_ manifests: some Sequence<ManifestKey>) -> IndexCoverage {
        IndexCoverage(
            edition: edition == .max ? .max : edition + 1, closed: closed, sequences: sequences,
            exceptions: exceptions.subtracting(manifests))
    }

    /// What the rows of both cover together. Nil where their closed hours neither touch nor overlap.
    package func union(_ other: IndexCoverage) -> IndexCoverage? {
        var hours = closed ?? other.closed
        if let mine = closed, let theirs = other.closed {
            guard let joined = mine.joined(theirs) else { return nil }
            hours = joined
        }
        let missing = exceptions.union(other.exceptions).filter { !covers($0) && !other.covers($0) }
        var open = sequences
        for (hour, writers) in other.sequences {
            open[hour, default: [:]].merge(writers) { $0.union($1) }
        }
        return IndexCoverage(
            edition: max(edition, other.edition), closed: hours,
            sequences: open.filter { hour, _ in !(hours?.contains(hour) ?? false) }, exceptions: missing)
    }
}

extension IndexCoverage {
    /// Manifests of one hour that share writer and sequence but not their digest: two spools with one identity, as
    /// copied machines have. Sequences cannot tell them apart, so they are always read by themselves until their hour
    /// is closed.
    package static func ambiguous(among manifests: [ManifestKey]) -> Set<ManifestKey> {
        let sorted = manifests.sorted()
        var found: Set<ManifestKey> = []
        for (left, right) in zip(sorted, sorted.dropFirst())
        where left.hour == right.hour && left.name.writer == right.name.writer
            && left.name.sequence == right.name.sequence && left.name.digest != right.name.digest
        {
            found.formUnion([left, right])
        }
        return found
    }
}
