import Glibc

/// What tells a file system from the others of its machine, as text. st_dev alone is not stable over reboots: devices
/// are numbered in the order in which they are found, and network and overlay mounts in the order of mounting.
package struct FileSystemID: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ text: String) { description = text }

    /// The best of what there is, best first:
    /// 1. `fsid:` statvfs f_fsid: made from the UUID by ext4, btrfs, f2fs and ZFS, random per mount on tmpfs, whose
    ///    files do not outlive the mount either. Not taken where it only repeats the device number, as XFS does.
    /// 2. `uuid:` the name in /dev/disk/by-uuid that leads to the device.
    /// 3. `mount:` the source in /proc/self/mountinfo of a network file system (`server:/export`, `//server/share`).
    /// 4. `dev:` st_dev.
    package static func resolve(device: UInt64, path: RawPath) -> FileSystemID {
        var status = statvfs()
        let known = path.withCString { statvfs($0, &status) } == 0
        return resolve(device: device, fsid: known ? UInt64(status.f_fsid) : 0)
    }

    package static func resolve(device: UInt64, descriptor: Int32) -> FileSystemID {
        var status = statvfs()
        let known = fstatvfs(descriptor, &status) == 0
        return resolve(device: device, fsid: known ? UInt64(status.f_fsid) : 0)
    }

    private static func resolve(device: UInt64, fsid: UInt64) -> FileSystemID {
        if fsid != 0, fsid != device { return FileSystemID("fsid:" + String(fsid, radix: 16)) }
        if let uuid = uuid(ofDevice: device) { return FileSystemID("uuid:" + uuid) }
        if let source = networkSource(ofDevice: device) { return FileSystemID("mount:" + source) }
        return FileSystemID("dev:" + String(device, radix: 16))
    }

    private static func uuid(ofDevice device: UInt64) -> String? {
        let folder = RawPath("/dev/disk/by-uuid")
        guard let directory = folder.withCString(opendir) else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let path = folder.appending(entry.nameBytes)
            var status = stat()
            if path.withCString({ stat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFBLK,
                UInt64(status.st_rdev) == device
            {
                return String(decoding: entry.nameBytes, as: UTF8.self)
            }
        }
        return nil
    }

    /// proc_pid_mountinfo(5): the third field is `major:minor`, the second after ` - ` the source.
    private static func networkSource(ofDevice device: UInt64) -> String? {
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF & 0xFFFF_FFFF
        let wanted = "\(major):\(minor)"
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, file) > 0, let text = line.map({ String(cString: $0) }) {
            let fields = text.split(separator: " ")
            guard fields.count > 2, fields[2] == wanted, let dash = fields.firstIndex(of: "-"),
                dash + 2 < fields.count
            else { continue }
            let source = fields[dash + 2]
            return source.contains(":") || source.hasPrefix("//") ? String(source) : nil
        }
        return nil
    }
}

extension UnsafeMutablePointer<dirent> {
    /// The name of the entry, read no further than its end: the record may be shorter than `dirent`.
    var nameBytes: UnsafeRawBufferPointer {
        let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
        let start = UnsafeRawPointer(self) + offset
        return UnsafeRawBufferPointer(start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
    }
}
