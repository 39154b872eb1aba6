import Glibc

/// What tells this machine from all others, for the identity of its files.
package struct MachineID: Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ text: String) { description = text }

    /// The first of `files` that holds 32 hexadecimal digits (machine-id(5)), else the host's name: stable over
    /// reboots, though not over renaming. In a container, mount the host's `/etc/machine-id`.
    package static func current(
        files: [RawPath] = [RawPath("/etc/machine-id"), RawPath("/var/lib/dbus/machine-id")]
    ) -> MachineID {
        for path in files {
            if let id = read(path) { return MachineID(id) }
        }
        return MachineID("host:" + hostName())
    }

    private static func read(_ path: RawPath) -> String? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 32 else { return nil }
        let digits = bytes[..<32]
        let isHexadecimal = digits.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard isHexadecimal, count == 32 || bytes[32] == .newline else { return nil }
        return String(decoding: digits, as: UTF8.self)
    }

    private static func hostName() -> String {
        var name = [UInt8](repeating: 0, count: 256)
        // Longer names are cut; the last byte stays 0.
        let failed = name.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                chars.baseAddress.map { gethostname($0, chars.count - 1) != 0 } ?? true
            }
        }
        return failed ? "unknown" : String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }
}
