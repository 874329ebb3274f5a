// The kernels for x86-64-v3: AVX2 and FMA. Everything generic is inlined away here.
import Kernels

public let avx2Float = KernelTable<Float>(FloatX8.self)
public let avx2Double = KernelTable<Double>(DoubleX4.self)
