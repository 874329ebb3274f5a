// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "CharacterLanguageModel",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "SwiftRNN", path: "../..")],
  targets: [
    .executableTarget(
      name: "CharacterLanguageModel",
      dependencies: [
        .product(name: "SwiftRNN", package: "SwiftRNN"), .product(name: "SwiftRNNModels", package: "SwiftRNN"),
      ])
  ]
)
