import Glibc

/// A file that takes as much room as a snapshot may need, to be given up for one when the disk is full.
struct SpoolReserve {
    private let directory: SpoolDirectory
    private let path: String
    private static let least = 256 << 10

    init(_ directory: SpoolDirectory) {
        self.directory = directory
        path = directory.path + "/reserve"
    }

    /// Gives the room back; false where there was none.
    func release() throws(SpoolError) -> Bool {
        guard directory.contains(path) else { return false }
        try directory.remove(path)
        return true
    }

    /// Takes the room again, where there is some: no promise, so a failure is none.
    func fill(encodedCount: Int) {
        let wanted = UInt64(max(Self.least, 2 * encodedCount))
        let calls = directory.calls
        do throws(Errno) {
            if try calls.status(path).length >= wanted { return }
        } catch {
            // It is not there yet, or cannot be seen.
        }
        do throws(Errno) {
            let descriptor = try calls.open(path, O_RDWR | O_CREAT)
            defer { calls.close(descriptor) }
            do throws(Errno) { try calls.allocate(descriptor, count: wanted) } catch { try calls.unlink(path) }
        } catch {
            // Then there is no reserve.
        }
    }
}
