import ArchiveTypes

/// What each block is asked: the part of a selection that can only be answered from its lines.
struct Question: Sendable {
    var range: TimeRange
    var text: TextCondition
    /// `text` selects records.
    var wholeRecords: Bool
    /// Newest first. Lines of a record keep their order.
    var isReversed: Bool

    /// Whether records must be told apart, because they are selected or turned round as a whole.
    var needsRecords: Bool { isReversed || (wholeRecords && !text.isNone) }

    /// The order of an answer is ascending in its keys.
    func key(_ time: Nanoseconds) -> Nanoseconds { isReversed ? ~time : time }
    func time(_ key: Nanoseconds) -> Nanoseconds { isReversed ? ~key : key }

    func keys(_ piece: Piece) -> ClosedRange<Nanoseconds> {
        isReversed ? ~piece.greatestTime...(~piece.leastTime) : piece.leastTime...piece.greatestTime
    }
}
