package import ArchiveTypes
package import ChunkFormat

/// Chooses how the blocks of each stream are compressed: by a trial on a sample of the stream's own lines.
///
/// zstd's two quick ways of finding matches differ by a few percent in size, in either direction, from one kind of log to
/// the other. What is chosen depends on the stream's blocks alone, so that the same lines give the same chunks. For one
/// thread at a time.
package final class CompressionChooser {
    private let standard: CompressionSettings
    private let other: CompressionSettings?
    private let compressors: [ZstdCompressor]
    private let frame = FrameBuffer()
    private var streams: [StreamID: Choice] = [:]

    private struct Choice {
        var blocks = 0
        var settings: CompressionSettings
    }

    /// Of the blocks that are long enough to be tried, the first one that is, so that short streams do not pay for it, and
    /// how many follow until the next trial: together less than 1% of the work.
    private static let firstTrial = 4
    private static let trialInterval = 64
    private static let sampleBytes = 256 << 10
    /// The other way takes a little longer: it has to give half a hundredth.
    private static let worthwhile = 0.995
    /// Choices that are remembered; beyond it all are forgotten and made anew.
    private static let rememberedStreams = 16_384

    /// - Parameter settings: chosen from are these and what stands beside them at the same level.
    package init(_ settings: CompressionSettings) throws(FormatError) {
        standard = settings
        other = settings == .standard ? .doubleFast : nil
        compressors = try [standard, other].compactMap { $0 }.map { settings throws(FormatError) in
            try ZstdCompressor(settings)
        }
    }

    /// How the next block of `stream`, which is `raw`, is to be compressed.
    package func settings(
        for stream: StreamID, _ raw: UnsafeRawBufferPointer
    ) throws(FormatError) -> CompressionSettings {
        guard let other else { return standard }
        // Of many streams, most never have a block to try it on.
        guard raw.count >= Self.sampleBytes else { return streams[stream]?.settings ?? standard }
        if streams.count >= Self.rememberedStreams, streams[stream] == nil { streams.removeAll(keepingCapacity: true) }
        var choice = streams[stream] ?? Choice(settings: standard)
        choice.blocks += 1
        if choice.blocks % Self.trialInterval == Self.firstTrial {
            let sample = UnsafeRawBufferPointer(rebasing: raw[..<Self.sampleBytes])
            let sizes = try compressors.map { compressor throws(FormatError) in
                try compressor.compress(sample, checksum: 0, into: frame)
                return frame.count
            }
            choice.settings = Double(sizes[1]) <= Double(sizes[0]) * Self.worthwhile ? other : standard
        }
        streams[stream] = choice
        return choice.settings
    }
}
