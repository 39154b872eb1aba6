import Glibc
import Inputs

enum FileSize {
    private static let compressedEndings = [".gz", ".zst", ".xz", ".bz2"]

    /// Nil for what is no regular file, cannot be looked at, or seems to be compressed.
    static func ofPlainFile(_ path: RawPath) -> UInt64? {
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFREG,
            !compressedEndings.contains(where: path.description.hasSuffix)
        else { return nil }
        return UInt64(status.st_size)
    }
}
