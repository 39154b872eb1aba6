import ArchiveTypes
import ChunkFormat
import Placement

/// The chunks of each writer by sequence, to find those that are missing.
struct WriterLedger {
    private struct Link {
        var chunk: ChunkKey
        var sha256: [UInt8]
        var previous: [UInt8]?
    }

    private var writers: [WriterID: [UInt64: [Link]]] = [:]

    mutating func add(_ manifest: Manifest) {
        let description = manifest.description
        let link = Link(chunk: manifest.chunk, sha256: manifest.sha256, previous: description.previous)
        writers[description.writer, default: [:]][description.sequence, default: []].append(link)
    }

    /// Sequence numbers without a chunk, and chains that are broken. A missing chunk whose lines are all there (another
    /// one holds them) is only worth a note.
    func findings(holesOf writersWithHoles: Set<WriterID>) -> [Finding] {
        writers.sorted { $0.key < $1.key }.flatMap { writer, chunks in
            findings(writer, chunks, hasHoles: writersWithHoles.contains(writer))
        }
    }

    private func findings(_ writer: WriterID, _ chunks: [UInt64: [Link]], hasHoles: Bool) -> [Finding] {
        var findings: [Finding] = []
        let sequences = chunks.keys.sorted()
        for (before, sequence) in zip([nil] + sequences.map(Optional.some), sequences) {
            let links = chunks[sequence] ?? []
            if links.count > 1 { findings.append(twins(writer, sequence, links)) }
            if let before, before + 1 < sequence {
                findings.append(absent(writer, before + 1..<sequence, hasHoles))
            } else if before == nil, links.contains(where: { $0.previous != nil }) {
                findings.append(absent(writer, 0..<sequence, hasHoles, isBeginning: true))
            } else if let before {
                findings += links.filter { !follows($0, chunks[before] ?? []) }.map(broken)
            }
        }
        return findings
    }

    private func follows(_ link: Link, _ before: [Link]) -> Bool {
        link.previous == nil || before.contains { $0.sha256 == link.previous }
    }

    private func absent(_ writer: WriterID, _ range: Range<UInt64>, _ hasHoles: Bool, isBeginning: Bool = false)
        -> Finding
    {
        let what =
            isBeginning
            ? "chunks before sequence \(range.upperBound)"
            : range.count == 1 ? "chunk \(range.lowerBound)" : "chunks \(range.lowerBound) to \(range.upperBound - 1)"
        guard hasHoles else {
            return Finding(.note, key: "", "writer \(writer): \(what) are not there, but no positions are missing")
        }
        return Finding(
            .gap, key: "", "writer \(writer): \(what) are not there, and its streams miss positions",
            remedy: "look for them in the writer's spool and in other stores")
    }

    private func twins(_ writer: WriterID, _ sequence: UInt64, _ links: [Link]) -> Finding {
        let names = links.map(\.chunk.description).sorted().joined(separator: ", ")
        return Finding(
            .note, key: "", "writer \(writer): sequence \(sequence) was used more than once (\(names))",
            remedy: "two machines may share a copied spool: give one a new one")
    }

    private func broken(_ link: Link) -> Finding {
        Finding(
            .gap, key: link.chunk.description,
            "the chunk before it is not the one that it names: a chunk is missing or was exchanged",
            remedy: "look for it in the writer's spool and in other stores")
    }
}
