/// Bytes to read to the end, decompressed where that is needed. Calls block; a source belongs to one thread at a time.
package protocol ByteSource: AnyObject {
    /// The path as people know it, for messages.
    var name: String { get }

    /// Reads up to `buffer.count` (at least 1) bytes; 0 at the end. After an error the same error comes again: all that
    /// could be read before it was delivered.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int
}
