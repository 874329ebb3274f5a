// The kernels for x86-64-v3: AVX2 and FMA. Everything generic is inlined away here.
import Kernels

public let avx2Float = KernelFunctions<Float>(FloatX8.self)
public let avx2Double = KernelFunctions<Double>(DoubleX4.self)
