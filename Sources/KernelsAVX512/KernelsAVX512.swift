// The kernels for x86-64-v4: AVX-512 F, BW, CD, DQ, VL. Everything generic is inlined away here.
import Kernels

public let avx512Float = KernelTable<Float>(FloatX16.self)
public let avx512Double = KernelTable<Double>(DoubleX8.self)
