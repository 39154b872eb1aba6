/// Something that was listed and could not be used: which object, why, and what that means for the answer.
package struct IndexProblem: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Effect: Sendable, Hashable {
        /// What the object describes is missing from the answer.
        case incomplete
        /// The answer was found by other, dearer ways.
        case detour
    }

    package var effect: Effect
    /// The key.
    package var object: String
    /// A lower-case clause.
    package var why: String

    package init(_ effect: Effect, object: String, why: String) {
        self.effect = effect
        self.object = object
        self.why = why
    }

    package var description: String { "\(object): \(why)" }
}
