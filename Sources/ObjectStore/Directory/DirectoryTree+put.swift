import Glibc

extension DirectoryTree {
    /// Makes an object, so that its name appears only when its bytes are durable, and returns only when its name is.
    /// - Returns: whether it was created; false where it was held.
    func put(
        _ key: String, _ body: ObjectBody, _ cancellation: BlockingCancellation
    ) throws(LocalFailure) -> Bool {
        let segments = key.split(separator: "/")
        let name = String(segments[segments.count - 1])
        let folder = try openFolder(of: segments, creating: true)
        let isHeld = try isHeld(name, in: folder)
        let isCreated = isHeld ? false : try place(body, in: folder, as: name, cancellation)
        // Also where somebody else has made it: their name may not be durable yet.
        try folder.syncNames()
        return isCreated
    }

    private func isHeld(_ name: String, in folder: borrowing Descriptor) throws(LocalFailure) -> Bool {
        guard let status = try folder.status(of: name) else { return false }
        guard status.isRegular else {
            throw LocalFailure(
                .rejected, "\(name) is there and is not an object", hint: "no key may begin with another and a slash")
        }
        return true
    }

    private func place(
        _ body: ObjectBody, in folder: borrowing Descriptor, as name: String, _ cancellation: BlockingCancellation
    ) throws(LocalFailure) -> Bool {
        switch body.content {
        case .bytes(let bytes):
            return try publish(in: folder, as: name) { file throws(LocalFailure) in
                try file.write(bytes)
            }
        case .file(let path, let length):
            if let isCreated = try adopt(path, length, in: folder, as: name) { return isCreated }
            return try publish(in: folder, as: name) { file throws(LocalFailure) in
                let whole = ObjectBody.FilePart(path: path, offset: 0, length: length, ending: [])
                try copy(whole, from: Descriptor.body(at: path, length: length), to: file, cancellation)
            }
        case .part(let part):
            return try publish(in: folder, as: name) { file throws(LocalFailure) in
                try copy(part, from: Descriptor.body(of: part), to: file, cancellation)
            }
        }
    }

    /// Writes to a temporary name, then links. A name that is taken stays with what has it; rename(2) would replace it.
    private func publish(
        in folder: borrowing Descriptor, as name: String,
        _ write: (borrowing Descriptor) throws(LocalFailure) -> Void
    ) throws(LocalFailure) -> Bool {
        let temporaries = try openTemporaries()
        let temporary = "\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        let file = try temporaries.createFile(temporary)
        defer {
            // What stays behind here takes space, nothing else, and is removed as stale a day later.
            _ = unlinkat(temporaries.raw, temporary, 0)
        }
        try write(file)
        try file.sync()
        do throws(LocalFailure) {
            if try temporaries.link(temporary, in: folder, as: name) { return true }
        } catch  where error.code == EPERM || error.code == ENOTSUP || error.code == ENOSYS {
            throw LocalFailure(
                .configuration, error.reason, hint: "the file system has no hard links: keep the store on another")
        }
        return try !isHeld(name, in: folder)
    }

    private func openTemporaries() throws(LocalFailure) -> Descriptor {
        let root = try openRoot()
        do throws(LocalFailure) { return try root.directory(Self.temporaries) } catch  where error.code == ENOENT {
            _ = try root.makeDirectory(Self.temporaries)
            return try root.directory(Self.temporaries)
        }
    }
}

// MARK: Bodies that are files

extension DirectoryTree {
    /// Links the sealed file itself. Nil where that cannot be: another file system, another's file, too many links.
    private func adopt(
        _ path: String, _ length: UInt64, in folder: borrowing Descriptor, as name: String
    ) throws(LocalFailure) -> Bool? {
        _ = try Descriptor.body(at: path, length: length)
        do throws(LocalFailure) {
            if try folder.link(fileAt: path, as: name) { return true }
        } catch {
            switch error.code {
            case EXDEV, EPERM, EACCES, EMLINK, ENOTSUP, ENOSYS: return nil
            default: throw error
            }
        }
        return try !isHeld(name, in: folder)
    }

    /// Between two looks at whether somebody still waits for it.
    private static let copiedAtOnce: UInt64 = 16 << 20

    private func copy(
        _ part: ObjectBody.FilePart, from source: borrowing Descriptor, to file: borrowing Descriptor,
        _ cancellation: BlockingCancellation
    ) throws(LocalFailure) {
        var offset: UInt64 = 0
        while offset < part.length {
            if cancellation.isCancelled { throw LocalFailure(.cancelled, "cancelled") }
            let wanted = Int(min(Self.copiedAtOnce, part.length - offset))
            guard let count = try file.append(from: source, at: part.offset + offset, count: wanted) else { break }
            guard count > 0 else { throw .changed(part.path) }
            offset += UInt64(count)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        while offset < part.length {
            if cancellation.isCancelled { throw LocalFailure(.cancelled, "cancelled") }
            let wanted = Int(min(UInt64(buffer.count), part.length - offset))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            guard try source.read(into: piece, at: part.offset + offset) == wanted else { throw .changed(part.path) }
            try file.write(UnsafeRawBufferPointer(piece))
            offset += UInt64(wanted)
        }
        try file.write(part.ending)
    }
}
