import Kernels

/// All kernels of the lanes of AVX2 and of AVX-512, compiled here for any machine: the same arithmetic with fused
/// multiply-adds from the C library. One place, because compiling them takes a while.
public enum RenamedTables {
  public static let floats = [KernelTable<Float>(Renamed<FloatX8>.self), KernelTable<Float>(Renamed<FloatX16>.self)]
  public static let doubles = [
    KernelTable<Double>(Renamed<DoubleX4>.self), KernelTable<Double>(Renamed<DoubleX8>.self),
  ]
}
