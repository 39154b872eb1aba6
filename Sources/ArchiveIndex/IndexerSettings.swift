package import ArchiveTypes
import ChunkFormat

/// How the indexer cuts its work. Tests make it small.
package struct IndexerSettings: Sendable {
    /// Text of rows that is held in memory before an object is written; an hour of manifests is never cut.
    package var batchLength = 32 << 20
    /// Bytes of data frames in one part of an index object.
    package var partLength = IndexObject.partLength
    /// Text of rows in one data frame.
    package var frameLength = IndexObject.frameRawLength
    /// With more sets than this in use, some are merged.
    package var liveSets = 8
    /// A manifest is put again under the current hour when its PUT was not confirmed for 15 minutes; the rest is slack.
    package var closingDelay: Nanoseconds = 20 * .perMinute

    package init() {}
}
