import ArchiveTypes

/// Everything that is decided about an answer before its first byte is fetched.
struct MergeJob: Sendable {
    let question: Question
    let list: PieceList
    /// The pieces in the order in which the merge reaches them.
    let order: [Int]
    let residency: Residency
    let fetch: FetchPlan
    let options: ReadOptions
    /// Only the first lines are wanted.
    let isGradual: Bool

    init(_ list: PieceList, _ question: Question, _ options: ReadOptions, isRemote: Bool, isGradual: Bool) {
        let pieces = list.pieces
        let order = pieces.indices.sorted { left, right in
            let (one, other) = (question.keys(pieces[left]).lowerBound, question.keys(pieces[right]).lowerBound)
            if one != other { return one < other }
            return question.isReversed ? left > right : left < right
        }
        self.question = question
        self.list = list
        self.order = order
        self.options = options
        self.isGradual = isGradual
        residency = Residency(pieces, order: order, memory: options.openMemory, span: question.keys)
        fetch = FetchPlan(
            pieces, order: order, isRemote: isRemote && !isGradual, memory: options.storedMemory)
    }

    func pipeline(_ source: BlockSource) -> PiecePipeline<Extract> {
        let (pieces, windows) = (list.pieces, residency.windows)
        let costs = pieces.indices.map { residency.cost(pieces, $0) }
        return PiecePipeline(
            source: source, pieces: pieces, order: order, plan: fetch, costs: costs, options: options,
            isGradual: isGradual,
            completion: LineCompletion(source: source, pieces: pieces, joinedBytes: options.joinedBytes)
        ) { worker, piece, number, stored throws(Incompleteness) in
            let window = windows[number].map { Extractor.Window(from: 0, bytes: $0) }
            return try worker.extract(piece, stored, window: window)
        }
    }
}
