import ArgumentParser

@main
struct Firn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firn", abstract: "Archives logs in object storage and gives them back by time and host.")
}
