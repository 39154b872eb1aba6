package import ArchiveTypes

/// How a container runtime wraps the lines that a container writes. The wrapping stays in the archive; answers show the
/// lines without it.
package enum LineWrapping: UInt8, Sendable, Hashable, CaseIterable {
    /// Kubernetes' CRI, as containerd and CRI-O write it: `TIME STREAM TAGS CONTENT` and a newline. TIME is RFC 3339,
    /// STREAM `stdout` or `stderr`; the first of TAGS, which `:` separates, is `F`, or `P` where the line goes on in the
    /// stream's next record.
    case cri = 1
    /// Docker's json-file: `{"log":CONTENT,"stream":STREAM,` … `"time":TIME}` and a newline. The line goes on in the
    /// stream's next record where CONTENT does not end in a newline.
    case docker = 2

    /// The value of the label `LineWrapping.label`.
    package var name: String { self == .cri ? "cri" : "docker" }

    /// The label of blocks whose lines are wrapped: by it, whoever plans an answer knows that lines of the archive may
    /// be parts of lines of the answer.
    package static let label = "wrapping"
}

/// Which of a container's two streams a line is of.
package enum ContainerStream: UInt8, Sendable, Hashable, CaseIterable {
    case stdout = 1
    case stderr = 2

    package var index: Int { Int(rawValue) - 1 }
}

/// What a block's header says of wrapped lines beside the wrapping.
package struct BlockWrapping: Sendable, Hashable {
    package var kind: LineWrapping
    /// By stream: the time of the line that began in an earlier block and may go on in this one. The stream's first
    /// record belongs to it if it has that time.
    package var openBefore: [Nanoseconds?]
    /// By stream: the stream's last record does not end its line.
    package var openAfter: [Bool]
    /// Some record does not end its line, or goes on with one.
    package var joins: Bool
    /// Where lines are in the middle at the block's beginning was not known: in the block before that, if that abuts,
    /// `openAfter` tells, and the stream's first record goes on with it whatever its time.
    package var isBeginningUnknown: Bool

    package init(
        _ kind: LineWrapping, openBefore: [Nanoseconds?] = [nil, nil], openAfter: [Bool] = [false, false],
        joins: Bool = false, isBeginningUnknown: Bool = false
    ) {
        self.kind = kind
        self.openBefore = openBefore
        self.openAfter = openAfter
        self.joins = joins
        self.isBeginningUnknown = isBeginningUnknown
    }

    /// Each record is a line.
    package var isPlain: Bool {
        !joins && !isBeginningUnknown && openBefore == [nil, nil] && openAfter == [false, false]
    }

    /// That of one block in the place of this one and `next`, which abuts; nil where there is none.
    func joined(with next: BlockWrapping) -> BlockWrapping? {
        guard kind == next.kind, !next.isBeginningUnknown || openAfter == [false, false] else { return nil }
        var joined = self
        joined.openAfter = next.openAfter
        joined.joins = joins || next.joins || openAfter != [false, false]
        return joined
    }
}
