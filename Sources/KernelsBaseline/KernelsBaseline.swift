// The kernels for any x86-64 (SSE2), and for arm64 (NEON, with FMA). Everything generic is inlined away here.
import Kernels

// `InstructionSet.swift` declares these functions by their symbols: SwiftRNN needs no interface of this module, so that
// the two are compiled at the same time.

@_silgen_name("SwiftRNN_kernels_baseline_float")
public func baselineFloat() -> KernelTable<Float> { KernelTable(FloatX4.self) }

@_silgen_name("SwiftRNN_kernels_baseline_double")
public func baselineDouble() -> KernelTable<Double> { KernelTable(DoubleX2.self) }
