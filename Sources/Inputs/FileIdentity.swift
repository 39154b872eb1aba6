package import ArchiveTypes
import Checksums

/// Which file this is, whatever it is called: stable over renames and reboots, different for a copy.
package struct FileIdentity: Sendable, Hashable {
    package var machine: MachineID
    package var fileSystem: FileSystemID
    package var inode: UInt64
    /// When the inode was made; nil where the file system does not keep it.
    package var birth: Nanoseconds?

    package init(machine: MachineID, fileSystem: FileSystemID, inode: UInt64, birth: Nanoseconds?) {
        self.machine = machine
        self.fileSystem = fileSystem
        self.inode = inode
        self.birth = birth
    }

    /// Whether a file that was remembered is this one. Inode and birth decide where there is a birth: a new
    /// machine-id or another name for the file system (`FileSystemID`) does not make it another file.
    package func isSameFile(as other: FileIdentity) -> Bool {
        guard inode == other.inode, birth == other.birth else { return false }
        return birth != nil || (machine == other.machine && fileSystem == other.fileSystem)
    }

    /// The first 8 bytes (big endian) of the SHA-256 of: `firn-file-1`, NUL, machine and file system as
    /// varint-length-prefixed text, the inode as 8 bytes and `born` as 8 bytes, little endian, and what `salt` holds.
    package func hash(born: Nanoseconds, salt: [UInt8] = []) -> UInt64 {
        var bytes = Array("firn-file-1".utf8) + [0]
        bytes.append(lengthPrefixed: machine.description.utf8)
        bytes.append(lengthPrefixed: fileSystem.description.utf8)
        bytes.append(littleEndian: inode)
        bytes.append(littleEndian: born)
        bytes += salt
        return sha256(bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The generation that the whole file is: the same whenever it is asked for, if the file has a birth. Else it
    /// begins with `firstSight`, the time of last modification. Above `last`, where that is another one.
    package func generation(firstSight: Nanoseconds, after last: Generation? = nil) -> Generation {
        let born = birth ?? firstSight
        let natural = Generation(born: born, hash: hash(born: born))
        return natural == last ? natural : natural.above(last)
    }

    /// The generation that begins with a truncation: above `last`, the stream's last. It is born right after `look`, when
    /// the file was looked at before the truncation was noticed: files that took its name since are younger.
    package func generation(
        truncatedAt notice: Nanoseconds, lookedAt look: Nanoseconds?, after last: Generation?
    ) -> Generation {
        let salt = Array("truncated".utf8)
        let born = look.map { min($0 + 1, notice) } ?? notice
        return Generation(born: born, hash: hash(born: notice, salt: salt)).above(last)
    }
}

extension Generation {
    /// The generation of something without identity, a pipe: never the same twice. `random` comes from the caller.
    package init(unidentifiedAt now: Nanoseconds, random: UInt64) { self.init(born: now, hash: random) }

    /// The time that the name begins with; nil for names that do not begin with one.
    package var born: Nanoseconds? {
        let digits = description.utf8.prefix(19)
        guard digits.count == 19, description.utf8.dropFirst(19).first == UInt8(ascii: "-") else { return nil }
        return Nanoseconds(String(decoding: digits, as: UTF8.self))
    }

    /// This one if it sorts after `last`, else one that does: born a nanosecond after it, with the same hash.
    package func above(_ last: Generation?) -> Generation {
        guard let last, self <= last, let after = last.born, after < .max else { return self }
        let hash = description.utf8.dropFirst(20)
        return Generation(born: after + 1, hash: UInt64(String(decoding: hash, as: UTF8.self), radix: 16) ?? 0)
    }
}
