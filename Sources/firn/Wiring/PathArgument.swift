import ArgumentParser
import Glibc
import Inputs

/// A path of the command line with its own bytes: names need not be UTF-8, and arguments arrive as text.
struct PathArgument: ExpressibleByArgument {
    var text: String

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        text = argument
    }

    static var defaultCompletionKind: CompletionKind { .file() }

    /// The bytes of the process's argument that was read as `text`.
    var path: RawPath {
        guard text.unicodeScalars.contains("\u{FFFD}") else { return RawPath(text) }
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
            if String(decoding: bytes, as: UTF8.self) == text { return RawPath(bytes: bytes) }
        }
        return RawPath(text)
    }
}
