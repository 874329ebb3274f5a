// The kernels for x86-64-v4: AVX-512 F, BW, CD, DQ, VL. Everything generic is inlined away here.
import Kernels

// `InstructionSet.swift` declares these functions by their symbols: SwiftRNN needs no interface of this module, so that
// the two are compiled at the same time.

@_silgen_name("SwiftRNN_kernels_avx512_float")
public func avx512Float() -> KernelTable<Float> { KernelTable(FloatX16.self) }

@_silgen_name("SwiftRNN_kernels_avx512_double")
public func avx512Double() -> KernelTable<Double> { KernelTable(DoubleX8.self) }
