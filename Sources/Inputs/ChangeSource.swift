/// Tells what changed in folders, so that a poll need not look at everything. What it does not tell is found by looking
/// at everything now and then all the same.
package protocol ChangeSource: AnyObject {
    /// Tells of changes in these folders from now on, and of no others.
    /// - Returns: why it cannot for all of them; nil where it can.
    func cover(_ folders: [RawPath: FolderInterest]) -> InputError?
    /// What changed since the last call in the folders that it covers; nil where something may have been missed.
    func take() -> [FileChange]?
}

/// What of a folder's changes matters.
package enum FolderInterest: Sendable, Comparable {
    /// Names that come and go.
    case names
    /// Those, and bytes that are written to its files.
    case contents
}

package struct FileChange: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Bytes of a file.
        case content
        /// A file's name came or went.
        case name
        /// A folder's name came or went.
        case folderName
        /// A folder that is covered is gone, or is called otherwise.
        case folder
    }

    package var path: RawPath
    package var kind: Kind

    package init(_ path: RawPath, _ kind: Kind) {
        self.path = path
        self.kind = kind
    }
}
