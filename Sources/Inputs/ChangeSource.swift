/// Tells what changed in folders, so that a poll need not look at everything. What it does not tell is found by looking
/// at everything now and then all the same.
package protocol ChangeSource: AnyObject {
    /// Tells of changes in these folders from now on, and of no others. False where it cannot for all of them.
    func cover(_ folders: Set<RawPath>) -> Bool
    /// What changed since the last call; nil where something may have been missed.
    func take() -> [FileChange]?
}

package struct FileChange: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Bytes of a file.
        case content
        /// A name came or went.
        case name
        /// A folder came or went, or one that is watched.
        case folder
    }

    package var path: RawPath
    package var kind: Kind

    package init(_ path: RawPath, _ kind: Kind) {
        self.path = path
        self.kind = kind
    }
}
