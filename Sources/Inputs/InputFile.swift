package import ArchiveTypes
import CSystem
import Glibc

/// A file that was opened to be read once, to its end: its decompressed bytes, and which file it is.
package struct InputFile {
    package var source: any ByteSource
    package var compression: Compression
    /// Nil for what is no regular file: a pipe has no identity.
    package var identity: FileIdentity?
    /// Bytes as they lie there, and the time of last modification. Of a pipe: 0, and a time that says nothing.
    package var size: UInt64
    package var modified: Nanoseconds

    /// Opens the file at `path` and looks at its first bytes to see how it is compressed.
    package static func open(
        _ path: RawPath, machine: MachineID, limits: DecompressionLimits = DecompressionLimits()
    ) throws(InputError) -> InputFile {
        let file = try FileSource(path: path)
        let status = try file.status()
        let compression = Compression.detect(first: try file.peek(Compression.magicBytes), name: file.name)
        let isRegular = status.mode & S_IFMT == S_IFREG
        return InputFile(
            source: try compression.decompress(file, limits: limits), compression: compression,
            identity: isRegular ? identity(of: file, status, machine) : nil,
            size: isRegular ? status.size : 0, modified: status.modified)
    }

    /// The generation of the whole file: the same each time for the same file, a new one where there is no identity.
    package func generation(now: Nanoseconds, random: UInt64) -> Generation {
        identity?.generation(firstSight: modified) ?? Generation(unidentifiedAt: now, random: random)
    }

    private static func identity(of file: FileSource, _ status: firn_status, _ machine: MachineID) -> FileIdentity {
        FileIdentity(
            machine: machine,
            fileSystem: FileSystemID.resolve(device: status.device, descriptor: file.descriptor),
            inode: status.inode, birth: status.birth < 0 ? nil : status.birth)
    }
}
