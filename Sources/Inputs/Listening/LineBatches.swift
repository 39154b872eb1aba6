import ArchiveTypes

/// Messages of one turn of a listener, as lines, by their origin.
struct LineBatches {
    private(set) var bytes = 0
    /// The bytes, and what origins cost besides.
    var cost: Int { bytes + batches.count * ReceivedLines.overhead }
    private var batches: [ReceivedLines] = []
    private var places: [LineOrigin: Int] = [:]

    /// Adds a message with a newline behind it: without newlines and zero bytes that some senders end messages with.
    /// Nothing for a message of nothing else.
    mutating func add(_ message: UnsafeRawBufferPointer, _ origin: LineOrigin) {
        var count = message.count
        while count > 0, message[count - 1] == 0x0A || message[count - 1] == 0 { count -= 1 }
        guard count > 0 else { return }
        let place = place(of: origin)
        batches[place].bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: message[..<count]))
        batches[place].bytes.append(0x0A)
        bytes += count + 1
    }

    private mutating func place(of origin: LineOrigin) -> Int {
        if let place = places[origin] { return place }
        places[origin] = batches.count
        batches.append(ReceivedLines(origin: origin, bytes: [], received: 0))
        return batches.count - 1
    }

    /// All that was added, and nothing after that.
    mutating func takeAll(received: Nanoseconds) -> [Received] {
        defer { self = LineBatches() }
        return batches.map { lines in
            var lines = lines
            lines.received = received
            return .lines(lines)
        }
    }
}
