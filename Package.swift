// swift-tools-version: 6.2
import PackageDescription

// Passes of the Swift optimizer whose work LLVM does again: without them the modules compile in two thirds of the time,
// to machine code of the same size and speed (`scripts/compare`). A compiler that does not know a name ignores it.
let redundantPasses = [
  "redundant-load-elimination", "dce", "loop-invariant-code-motion", "cowarray-opt", "bcopts", "cse",
]
// Above the kernels these made the code larger, not faster.
let costlyPasses = ["array-property-opt", "arc-sequence-opts", "function-signature-opts", "closure-specialize"]

func without(_ passes: [String]) -> SwiftSetting {
  .unsafeFlags(passes.flatMap { ["-Xllvm", "-sil-disable-pass=\($0)"] })
}

// The kernels do their own bounds reasoning: -Ounchecked there, and only there. The floors above it keep their checks.
let kernel: [SwiftSetting] = [.unsafeFlags(["-Ounchecked"]), without(redundantPasses)]

/// The kernels of an instruction set: a module of its own. -Xcc -march reaches Swift's code generator.
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
  products: [.library(name: "SwiftRNN", targets: ["SwiftRNN"] + instructionSetNames)],
  targets: [
    .systemLibrary(name: "CPrimitives"),
    .target(
      name: "Kernels", dependencies: ["CPrimitives"],
      swiftSettings: kernel + [.enableExperimentalFeature("BuiltinModule")]),
    .target(
      name: "SwiftRNN", dependencies: ["CPrimitives", "Kernels"],
      swiftSettings: [without(redundantPasses + costlyPasses)]),
    .systemLibrary(name: "CSwiftRNN", path: "include"),
    .target(name: "SwiftRNNC", dependencies: ["SwiftRNN", "CSwiftRNN", "CPrimitives"]),
    .target(name: "Reference", dependencies: ["Kernels"], path: "Tests/Reference"),
    .testTarget(
      name: "KernelsTests",
      dependencies: ["CPrimitives", "Kernels", "Reference", "SwiftRNN"] + instructionSetDependencies),
    .testTarget(
      name: "SwiftRNNTests",
      dependencies: ["SwiftRNN", "SwiftRNNC", "CSwiftRNN", "CPrimitives", "Kernels", "Reference"]
        + instructionSetDependencies),
  ] + instructionSets
)
