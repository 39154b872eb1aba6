import Glibc

/// What readdir(3) tells about an entry without another call.
enum EntryType {
    case file, directory, other, unknown
}

extension Descriptor {
    /// Visits the entries of this directory in no order, `.` and `..` left out. `name` is valid during the call.
    func forEachName(
        _ visit: (_ name: UnsafeRawBufferPointer, _ type: EntryType) throws(LocalFailure) -> Void
    ) throws(LocalFailure) {
        let stream = try openStream()
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                let code = errno
                if code != 0 { throw LocalFailure("cannot read the directory", code, .reading) }
                return
            }
            let type = EntryType(entry.pointee.d_type)
            // The record may be shorter than the structure, so that it must not be copied.
            var failure: LocalFailure?
            withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                let name = UnsafeRawBufferPointer(
                    start: pointer, count: strlen(UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self)))
                guard !name.elementsEqual(".".utf8), !name.elementsEqual("..".utf8) else { return }
                do throws(LocalFailure) { try visit(name, type) } catch { failure = error }
            }
            if let failure { throw failure }
        }
    }

    /// A descriptor of its own, since the stream takes it over and its offset is shared with copies.
    private func openStream() throws(LocalFailure) -> OpaquePointer {
        let own = try systemCall("cannot read the directory", .reading) {
            openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let stream = fdopendir(own) else {
            let code = errno
            close(own)
            throw LocalFailure("cannot read the directory", code, .reading)
        }
        return stream
    }
}

extension EntryType {
    fileprivate init(_ type: UInt8) {
        switch Int(type) {
        case Int(DT_REG): self = .file
        case Int(DT_DIR): self = .directory
        case Int(DT_UNKNOWN): self = .unknown
        default: self = .other
        }
    }
}
