// Which kernels run: chosen once per process, from the CPU or from the environment variable SWIFTRNN_ISA.
import CPrimitives
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An instruction set that there are kernels for.
public enum InstructionSet: String, CaseIterable, Sendable {
  /// Any x86-64 (SSE2, no fused multiply-add), or any arm64 (NEON).
  case baseline
  /// x86-64-v3: AVX2 and FMA.
  case avx2
  /// x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
  case avx512

  /// The sets that this CPU and its operating system support, weakest first.
  public static var supported: [InstructionSet] {
    let level = swiftrnn_x86_64_level()
    return [.baseline] + (level >= 3 ? [.avx2] : []) + (level >= 4 ? [.avx512] : [])
  }

  /// The set in use: the one that `SWIFTRNN_ISA` names, or, if that is empty or not set, the strongest supported one.
  ///
  /// - Throws: ``RNNError/unsupported(_:)`` if the variable has another value or names a set that this CPU lacks.
  public static var current: InstructionSet {
    get throws(RNNError) { try choice.get() }
  }

  private static let choice: Result<InstructionSet, RNNError> = {
    let supported = Self.supported
    guard let wanted = getenv("SWIFTRNN_ISA"), wanted.pointee != 0 else { return .success(supported.last ?? .baseline) }
    guard let set = allCases.first(where: { strcmp($0.rawValue, wanted) == 0 }) else {
      return .failure(.unsupported("SWIFTRNN_ISA must be baseline, avx2 or avx512"))
    }
    guard supported.contains(set) else {
      return .failure(
        .unsupported(
          set == .avx512
            ? "SWIFTRNN_ISA is avx512, which this CPU or its operating system does not have"
            : "SWIFTRNN_ISA is avx2, which this CPU or its operating system does not have"))
    }
    return .success(set)
  }()
}

/// A number that networks compute with: `Float` or `Double`.
public protocol RNNScalar: Real {
  /// The kernels of an instruction set, for this type.
  static func kernels(for set: InstructionSet) -> KernelTable<Self>
}

extension RNNScalar {
  /// The kernels in use.
  static var kernels: KernelTable<Self> {
    get throws(RNNError) { kernels(for: try InstructionSet.current) }
  }
}

// Functions of the modules KernelsBaseline, KernelsAVX2 and KernelsAVX512. The modules are linked, not imported: to
// import them would make this module, which takes longest to compile, wait for theirs.
@_silgen_name("SwiftRNN_kernels_baseline_float") private func baselineFloat() -> KernelTable<Float>
@_silgen_name("SwiftRNN_kernels_baseline_double") private func baselineDouble() -> KernelTable<Double>
#if arch(x86_64)
  @_silgen_name("SwiftRNN_kernels_avx2_float") private func avx2Float() -> KernelTable<Float>
  @_silgen_name("SwiftRNN_kernels_avx2_double") private func avx2Double() -> KernelTable<Double>
  @_silgen_name("SwiftRNN_kernels_avx512_float") private func avx512Float() -> KernelTable<Float>
  @_silgen_name("SwiftRNN_kernels_avx512_double") private func avx512Double() -> KernelTable<Double>
#endif

extension Float: RNNScalar {
  public static func kernels(for set: InstructionSet) -> KernelTable<Float> {
    switch set {
    #if arch(x86_64)
      case .avx2: avx2Float()
      case .avx512: avx512Float()
    #endif
    default: baselineFloat()
    }
  }
}

extension Double: RNNScalar {
  public static func kernels(for set: InstructionSet) -> KernelTable<Double> {
    switch set {
    #if arch(x86_64)
      case .avx2: avx2Double()
      case .avx512: avx512Double()
    #endif
    default: baselineDouble()
    }
  }
}
