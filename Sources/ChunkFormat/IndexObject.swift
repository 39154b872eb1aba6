package import ArchiveTypes
import Checksums

/// An object of the index: rows of blocks (`IndexRow`), sorted, and what a reader must know to fetch few of them.
///
/// `zstd -dc` prints the rows. All integers are little endian, varints are LEB128, signed ones zigzag.
///
///     data frame ... data frame + footer frame + seek table
///
/// **Data frames** are zstd frames with content size and checksum. Each holds whole rows, about 96 KiB of them. The
/// frames of the time index come in two sections, each sorted by itself: rows of blocks that span at most a day, then
/// the others, which every plan may have to read. The host index has only the first section.
///
/// **The footer frame** is a skippable frame of kind 3 (magic number 0x184D2A53) with this content:
///
///     8 bytes   "firnidx" and the format version, 1
///     1 byte    1: time index, 2: host index
///     varint    number of this part, from 0
///     1 byte    1 in the last part of its coverage, else 0
///     varint    length of the coverage, and its bytes (see `IndexCoverage`)
///     varint    number of rows
///     varint    number of data frames; each, in their order:
///         1 byte    0: first section, 1: second section
///         varint    length of the frame
///         varint    length of its content
///         8 bytes   XXH64 of the frame
///         varint    number of rows
///         signed varint   least of the rows' least event times
///         signed varint   greatest of the rows' greatest event times
///         key of the first row: varint number of bytes shared with the key before it (of the last row of the frame
///                   before), varint number of further bytes, these bytes
///         key of the last row: the same, shared with the key of the first row
///     8 bytes   XXH64 of all content before
///     4 bytes   length of the whole content, these and the next 8 bytes included
///     8 bytes   "firnIDX" and the format version, 1
///
/// A row's key is the row up to and including its least event time. Offsets of frames follow from their lengths.
///
/// **The seek table** is that of the zstd seekable format: the data frames, then the footer frame with a decompressed
/// size of 0. A reader finds the table's length in the last 9 bytes, and the footer's in the 12 bytes before the table.
///
/// Every byte can be verified: data frames by the footer's XXH64, the footer by its own, its frame's head and the seek
/// table by what the footer implies, the coverage by the digest in the object's key.
package enum IndexObject {
    package static let version: UInt8 = 1
    /// Rows of a data frame: a frame is closed when it holds as much.
    package static let frameRawLength = 96 << 10
    /// What a reader accepts: the above and one row of the greatest length.
    package static let greatestFrameRawLength = frameRawLength + IndexRow.greatestLength + 1
    package static let greatestFrameCount = 1 << 20
    package static let greatestFooterLength = 96 << 20
    /// Of all keys of a footer, since a few bytes can repeat a long one.
    package static let greatestKeysLength = 64 << 20
    /// Parts are closed when their frames reach this.
    package static let partLength = 64 << 20

    static let headMagic = Array("firnidx".utf8) + [version]
    static let trailerMagic = Array("firnIDX".utf8) + [version]
    static let trailerLength = 12
    /// Rows are read much more often than written, and they are few.
    static let compression = CompressionSettings(level: 6)

    /// The content of one data frame, checked against its fence.
    package static func decode(
        _ frame: UnsafeRawBufferPointer, _ fence: IndexFence, _ decompressor: ZstdDecompressor, into rows: inout [UInt8]
    ) throws(FormatError) {
        do throws(FormatError) {
            guard frame.count == Int(fence.length), xxh64(frame) == fence.checksum else {
                throw FormatError(.damaged, at: 0, "checksum of a frame of rows does not match")
            }
            try decompressor.decompress(
                frame, rawLength: Int(fence.rawLength), limit: greatestFrameRawLength, into: &rows)
        } catch {
            throw error.within("", at: fence.offset)
        }
    }
}

/// What the footer says of one data frame: whether it can hold wanted rows, and where it lies.
package struct IndexFence: Sendable, Hashable {
    /// Of the second section of a time index.
    package var isLong: Bool
    package var offset: UInt64
    package var length: UInt32
    package var rawLength: UInt32
    package var checksum: UInt64
    package var rows: UInt32
    package var least: Nanoseconds
    package var greatest: Nanoseconds
    package var firstKey: [UInt8]
    package var lastKey: [UInt8]
}

package enum IndexKind: UInt8, Sendable, Hashable, CaseIterable {
    /// Sorted by the hour of the least event time, host, source and time: all hosts, ten minutes.
    case time = 1
    /// Sorted by host, source and time: one host, ninety days.
    case host = 2

    package var folder: String { self == .time ? KeyLayout.timeIndex : KeyLayout.hostIndex }

    /// Columns of a row's key.
    var keyColumns: Int { self == .time ? 4 : 3 }
}
