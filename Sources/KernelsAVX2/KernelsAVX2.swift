// The kernels for x86-64-v3: AVX2 and FMA. Everything generic is inlined away here.
import Kernels

// `InstructionSet.swift` declares these functions by their symbols: SwiftRNN needs no interface of this module, so that
// the two are compiled at the same time.

@_silgen_name("SwiftRNN_kernels_avx2_float")
public func avx2Float() -> KernelTable<Float> { KernelTable(FloatX8.self) }

@_silgen_name("SwiftRNN_kernels_avx2_double")
public func avx2Double() -> KernelTable<Double> { KernelTable(DoubleX4.self) }
