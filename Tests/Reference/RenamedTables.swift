import Kernels

/// All kernels of the lanes of AVX2 and of AVX-512, compiled here for any machine: the same arithmetic with fused
/// multiply-adds from the C library. One place, because compiling them takes a while.
public enum RenamedTables {
  public static let floats = [
    KernelTable(KernelFunctions<Float>(Renamed<FloatX8>.self)),
    KernelTable(KernelFunctions<Float>(Renamed<FloatX16>.self)),
  ]
  public static let doubles = [
    KernelTable(KernelFunctions<Double>(Renamed<DoubleX4>.self)),
    KernelTable(KernelFunctions<Double>(Renamed<DoubleX8>.self)),
  ]
}
