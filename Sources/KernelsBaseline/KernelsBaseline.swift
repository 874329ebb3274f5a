// The kernels for any x86-64 (SSE2), and for arm64 (NEON, with FMA). Everything generic is inlined away here.
import Kernels

public let baselineFloat = KernelTable<Float>(FloatX4.self)
public let baselineDouble = KernelTable<Double>(DoubleX2.self)
