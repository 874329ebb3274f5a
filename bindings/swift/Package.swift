// swift-tools-version: 6.2
// The smallest Swift package that uses SwiftRNN. Yours would have the repository's URL here.
import PackageDescription

// A version needs a tag: until a release has one, `git tag 0.1.0` in a clone, or branch: "main" in the version's place.
let url = Context.environment["SWIFTRNN_URL"] ?? "file:///path/to/SwiftRNN"

let package = Package(
  name: "Example",
  platforms: [.macOS(.v26)],
  dependencies: [.package(url: url, .upToNextMinor(from: "0.1.0"))],
  targets: [
    .executableTarget(name: "Example", dependencies: [.product(name: "SwiftRNN", package: "SwiftRNN")])
  ]
)
