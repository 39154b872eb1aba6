import ArchiveTypes
import Checksums

package struct VerifyOptions: Sendable, Hashable {
    /// Read every byte of every object.
    package var isDeep: Bool
    /// Of all chunks, read only those of one share; `share` counts from 1 to `of`. The shares of one `of` are disjoint and
    /// the same each time, so that a job a day goes through all in `of` days.
    package var sample: Sample?

    package struct Sample: Sendable, Hashable {
        package let share: UInt64
        package let of: UInt64

        /// Nil unless 1 <= share <= of.
        package init?(share: UInt64, of: UInt64) {
            guard 1 <= share, share <= of else { return nil }
            (self.share, self.of) = (share, of)
        }

        func contains(_ name: ObjectName) -> Bool { xxh64(Array(name.description.utf8)) % of == share - 1 }
    }

    package init(isDeep: Bool = false, sample: Sample? = nil) {
        self.isDeep = isDeep
        self.sample = sample
    }

    /// Whether a chunk's bytes are read.
    func reads(_ chunk: ObjectName) -> Bool { sample?.contains(chunk) ?? isDeep }
}
