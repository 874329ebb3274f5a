// swift-tools-version: 6.2
import PackageDescription

// The kernels do their own bounds reasoning: -Ounchecked there, and only there. The floors above it keep their checks.
let kernel: [SwiftSetting] = [.unsafeFlags(["-Ounchecked"])]

#if arch(x86_64)
  // One module per instruction set. -Xcc -march reaches Swift's code generator; a package that is depended on by URL
  // and version may use it since Swift 6.2.
  let instructionSets: [Target] = [
    .target(
      name: "KernelsAVX2", dependencies: ["Kernels"],
      swiftSettings: [.unsafeFlags(["-Ounchecked", "-Xcc", "-march=x86-64-v3"])]),
    .target(
      name: "KernelsAVX512", dependencies: ["Kernels"],
      swiftSettings: [.unsafeFlags(["-Ounchecked", "-Xcc", "-march=x86-64-v4"])]),
  ]
#else
  let instructionSets: [Target] = []
#endif
let instructionSetNames = instructionSets.map { Target.Dependency(stringLiteral: $0.name) }

let package = Package(
  name: "SwiftRNN",
  platforms: [.macOS(.v26)],
  products: [.library(name: "SwiftRNN", targets: ["SwiftRNN"])],
  targets: [
    .systemLibrary(name: "CPrimitives"),
    .target(
      name: "Kernels", dependencies: ["CPrimitives"],
      swiftSettings: kernel + [.enableExperimentalFeature("BuiltinModule")]),
    .target(name: "KernelsBaseline", dependencies: ["Kernels"], swiftSettings: kernel),
    .target(
      name: "SwiftRNN", dependencies: ["CPrimitives", "Kernels", "KernelsBaseline"] + instructionSetNames),
    .systemLibrary(name: "CSwiftRNN", path: "include"),
    .target(name: "SwiftRNNC", dependencies: ["SwiftRNN", "CSwiftRNN", "CPrimitives"]),
    .target(name: "Reference", dependencies: ["Kernels"], path: "Tests/Reference"),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["CPrimitives", "Kernels", "KernelsBaseline", "Reference", "SwiftRNN"] + instructionSetNames),
    .testTarget(
      name: "SwiftRNNTests",
      dependencies: ["SwiftRNN", "SwiftRNNC", "CSwiftRNN", "CPrimitives", "Kernels", "KernelsBaseline", "Reference"]
        + instructionSetNames),
  ] + instructionSets
)
