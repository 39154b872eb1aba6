package import ArchiveTypes

/// Line ends and times of one block. The arrays keep their room from block to block.
package struct LineTable: Sendable {
    /// Where each line ends in the block's bytes, its newline included.
    package var ends: [UInt32] = []
    /// The event time of each line; as many as there are `ends`.
    package var times: [Nanoseconds] = []

    package init() {}
}
