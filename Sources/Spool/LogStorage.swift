/// The few calls that a write-ahead log makes on its directory. Names are those of files in it. For one thread.
package protocol LogStorage: AnyObject {
    /// In no order.
    func names() throws(SpoolError) -> [String]

    /// The whole content.
    func read(_ name: String) throws(SpoolError) -> [UInt8]

    /// An empty file, in place of whatever bore the name.
    func create(_ name: String) throws(SpoolError) -> any LogFile

    /// Replaces what bears the new name. Durable after `synchronize()`.
    func rename(_ name: String, to newName: String) throws(SpoolError)

    /// A name that is not there is no error.
    func remove(_ name: String) throws(SpoolError)

    /// Moves a damaged file to where people find it.
    func keepAside(_ name: String) throws(SpoolError)

    /// Makes names durable.
    func synchronize() throws(SpoolError)
}

/// A file that is written at its end. Closed with its last reference.
package protocol LogFile: AnyObject {
    /// Writes all bytes, or throws: what then stands at and after `offset` is unknown.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError)

    /// Makes all that was written durable. After an error nothing that was not durable before may be taken as such.
    func synchronize() throws(SpoolError)
}
