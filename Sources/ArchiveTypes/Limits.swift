/// Every limit of the formats, with its reason. A reader refuses what exceeds one before it allocates for it.
package enum Limits {
    /// DNS allows 253 bytes in a host's name.
    package static let hostBytes = 255
    /// PATH_MAX of Linux.
    package static let sourceBytes = 4096
    /// 19 digits, a dash, a hash of 16: with room for sequence-number ids of the journal.
    package static let generationBytes = 64
    /// Enough for Kubernetes' metadata; labels are repeated in every block.
    package static let labels = 32
    package static let labelBytes = 1024
    /// Host and a random part. Object keys hold it.
    package static let writerBytes = 48
    /// Labels, names and exceptions of times, with room: what a block's header can sensibly need.
    package static let blockHeaderBytes = 8 << 20
    /// Raw bytes of one block: what a reader must be able to hold decompressed.
    package static let blockRawBytes = 16 << 20
    /// zstd's worst case over `blockRawBytes`, rounded up.
    package static let blockStoredBytes = (16 << 20) + (1 << 17)
    /// One PUT an object: S3 takes at most 5 GiB, and tools stay quick with this.
    package static let chunkBytes = 1 << 30
    /// Of one chunk, data and parity together: Reed-Solomon over bytes allows 255, and stores are not that many.
    package static let shards = 64
    /// Whatever claims to be larger is none of an archive's objects.
    package static let objectBytes = chunkBytes + (1 << 20)
    /// A directory of a chunk of the smallest blocks.
    package static let directoryBytes = 256 << 20
    package static let blocksInChunk = 1 << 20
    /// Decompressed size of a manifest.
    package static let manifestBytes = 512 << 20
    /// S3 takes 1024 bytes; file systems 255 a segment.
    package static let keyBytes = 1024
    package static let keySegmentBytes = 200
    /// An event time earlier than this counts as none: before it there were hardly any logs, and zeroes become 1970.
    package static let earliestEventTime: Nanoseconds = 631_152_000 * .perSecond
    /// An event time may lie this far after the receive time: zones and wrong clocks, but not garbage.
    package static let eventTimeLead: Nanoseconds = 24 * .perHour
}
