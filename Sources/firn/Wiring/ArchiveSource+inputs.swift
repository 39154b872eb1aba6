import ArchiveTypes
import Archiving
import EventTime
import Inputs

/// What all sources of one `firn archive` have in common.
struct SourceSettings {
    var host: String
    var labels: Labels
    /// The zone of lines that name none.
    var zone: TimeZoneRules
    var blockBytes: Int
    var machine: MachineID
    var format = LineFormat.automatic
}

extension ArchiveSource {
    /// - Parameter source: what the stream is called instead of by the file's absolute path.
    static func file(_ path: RawPath, source: String?, _ settings: SourceSettings) throws -> ArchiveSource {
        let absolute = path.absolute(from: RawPath(try WorkingDirectory.path()))
        let stream = StreamID(host: settings.host, source: source ?? absolute.description)
        return ArchiveSource(name: path.description) {
            let file = try InputFile.open(path, machine: settings.machine)
            let generation = file.generation(now: Clock.now(), random: .random(in: 0...UInt64.max))
            let log = settings.format == .plain ? nil : ContainerLog(source: absolute.description, realPath: nil)
            return BlockReader(
                stream: stream, labels: log?.added(to: settings.labels) ?? settings.labels, generation: generation,
                source: ChunkedPieces(LineChunker(file.source, pieceBytes: settings.blockBytes)),
                timer: LineTimer(zone: settings.zone, reference: file.modified),
                wrapping: { settings.format.wrapping(log, $0) }, clock: { Clock.now() })
        }
    }

    /// Standard input: a new generation each run.
    static func standardInput(source: String, _ settings: SourceSettings) -> ArchiveSource {
        let stream = StreamID(host: settings.host, source: source)
        return ArchiveSource(name: "standard input") {
            let now = Clock.now()
            return BlockReader(
                stream: stream, labels: settings.labels,
                generation: Generation(unidentifiedAt: now, random: .random(in: 0...UInt64.max)),
                source: ChunkedPieces(LineChunker(FileSource.standardInput(), pieceBytes: settings.blockBytes)),
                timer: LineTimer(zone: settings.zone, reference: now),
                wrapping: { settings.format.wrapping(nil, $0) }, clock: { Clock.now() })
        }
    }
}
