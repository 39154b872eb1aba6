import ArgumentParser
import Configuration

/// Values of options whose errors count as wrong usage.
enum OptionValue {
    static func parse<Value>(
        _ option: String, _ text: String, _ parse: (String) throws(InvalidValue) -> Value
    ) throws(ValidationError) -> Value {
        do throws(InvalidValue) {
            return try parse(text)
        } catch {
            throw ValidationError("\(option): \(error)")
        }
    }
}
