// swift-tools-version: 6.2
import PackageDescription

// Passes of the Swift optimizer whose work LLVM does again: without them the kernels compile in two thirds of the time,
// to machine code of the same speed (`scripts/compare`). A word stands for every pass whose name contains the
// word; a compiler without such a pass ignores the word. CMakeLists.txt has the same list.
let redundantPasses = [
  "redundant-load-elimination", "dce", "loop-invariant-code-motion", "cowarray-opt", "bcopts", "cse",
  "array-property-opt", "compute-side-effects", "dead-store-elimination", "performance-constant-propagation",
]

func without(_ passes: [String]) -> SwiftSetting {
  .unsafeFlags(passes.flatMap { ["-Xllvm", "-sil-disable-pass=\($0)"] })
}

// The kernels do their own bounds reasoning: -Ounchecked there, and only there. The floors above it keep their checks.
let kernel: [SwiftSetting] = [.unsafeFlags(["-Ounchecked"]), without(redundantPasses)]

/// The kernels of an instruction set: a module of its own. -Xcc -march reaches Swift's code generator. A package that
/// is depended on by URL and version may have unsafe flags since Swift 6.2.
func instructionSet(_ name: String, _ flags: [String] = []) -> Target {
  .target(name: name, dependencies: ["Kernels"], swiftSettings: kernel + [.unsafeFlags(flags)])
}

#if arch(x86_64)
  let instructionSets = [
    instructionSet("KernelsBaseline"),
    instructionSet("KernelsAVX2", ["-Xcc", "-march=x86-64-v3"]),
    instructionSet("KernelsAVX512", ["-Xcc", "-march=x86-64-v4"]),
  ]
#else
  let instructionSets = [instructionSet("KernelsBaseline")]
#endif
// Whatever is linked needs these beside SwiftRNN, which calls them by symbol: it is compiled at the same time.
let instructionSetNames = instructionSets.map { $0.name }
let instructionSetDependencies = instructionSetNames.map { Target.Dependency(stringLiteral: $0) }

let package = Package(
  name: "SwiftRNN",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "SwiftRNN", targets: ["SwiftRNN"] + instructionSetNames),
    .library(name: "SwiftRNNModels", targets: ["SwiftRNNModels", "SwiftRNN"] + instructionSetNames),
  ],
  targets: [
    .systemLibrary(name: "CPrimitives"),
    .target(
      name: "Kernels", dependencies: ["CPrimitives"],
      swiftSettings: kernel + [.enableExperimentalFeature("BuiltinModule")]),
    .target(
      name: "SwiftRNN", dependencies: ["CPrimitives", "Kernels"],
      swiftSettings: [without(redundantPasses + ["closure-specialize"])]),
    .target(
      name: "SwiftRNNModels", dependencies: ["SwiftRNN"], swiftSettings: [without(redundantPasses)]),
    .systemLibrary(name: "CSwiftRNN", path: "include"),
    .target(
      name: "SwiftRNNC", dependencies: ["SwiftRNN", "SwiftRNNModels", "CSwiftRNN", "CPrimitives"],
      swiftSettings: [without(redundantPasses)]),
    .target(name: "Reference", dependencies: ["Kernels"], path: "Tests/Reference"),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["CPrimitives", "Kernels", "Reference", "SwiftRNN"] + instructionSetDependencies,
      swiftSettings: [without(redundantPasses)]),
    .testTarget(
      name: "SwiftRNNTests",
      dependencies: ["SwiftRNN", "SwiftRNNC", "CSwiftRNN", "CPrimitives", "Kernels", "Reference"]
        + instructionSetDependencies, swiftSettings: [without(redundantPasses)]),
    .testTarget(
      name: "SwiftRNNModelsTests",
      dependencies: ["SwiftRNN", "SwiftRNNModels", "Reference"] + instructionSetDependencies,
      swiftSettings: [without(redundantPasses)]),
  ] + instructionSets
)
