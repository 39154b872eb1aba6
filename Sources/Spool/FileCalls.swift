/// The system calls that a spool makes on its files: the seam at which tests put a disk that fills up, fails and loses
/// power. One call each, as the kernel answers it: nothing here is tried again, completed or remembered.
///
/// Paths are absolute. Calls may come from any number of threads.
package protocol FileCalls: Sendable {
    /// open(2) with close-on-exec, and mode 0600 for what is created.
    func open(_ path: String, _ flags: Int32) throws(Errno) -> Int32
    func close(_ descriptor: Int32)
    /// pread(2): how many bytes, 0 at the end.
    func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(Errno) -> Int
    /// pwrite(2): how many bytes.
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(Errno) -> Int
    func truncate(_ descriptor: Int32, to length: UInt64) throws(Errno)
    /// posix_fallocate(3) from the beginning.
    func allocate(_ descriptor: Int32, count: UInt64) throws(Errno)
    /// fdatasync(2).
    func synchronizeData(_ descriptor: Int32) throws(Errno)
    /// fsync(2).
    func synchronize(_ descriptor: Int32) throws(Errno)
    func length(_ descriptor: Int32) throws(Errno) -> UInt64
    /// The first `length` bytes, at least one, as they are now; to be given to `unmap`.
    func map(_ descriptor: Int32, length: Int) throws(Errno) -> UnsafeRawBufferPointer
    func unmap(_ bytes: UnsafeRawBufferPointer)
    /// Part of what `map` gave, whole pages, is not needed in memory; looked at again, it is there again.
    func forget(_ bytes: UnsafeRawBufferPointer)
    /// flock(2), exclusive and without waiting: EWOULDBLOCK where another descriptor holds it.
    func lock(_ descriptor: Int32) throws(Errno)
    /// Unix nanoseconds; negative where the file system keeps none.
    func birth(_ descriptor: Int32) -> Int64

    /// Inode and length of what is at `path`.
    func status(_ path: String) throws(Errno) -> (inode: UInt64, length: UInt64)
    /// access(2).
    func canAccess(_ path: String, _ mode: Int32) -> Bool
    /// mkdir(2) with mode 0700.
    func createFolder(_ path: String) throws(Errno)
    /// All entries of a folder but `.` and `..`, in any order.
    func names(_ path: String) throws(Errno) -> [String]
    func rename(_ path: String, to target: String) throws(Errno)
    func link(_ path: String, to target: String) throws(Errno)
    func unlink(_ path: String) throws(Errno)
}

/// An error number of errno(3).
package struct Errno: Error, Sendable, Hashable {
    package var code: Int32

    package init(_ code: Int32) { self.code = code }
}
