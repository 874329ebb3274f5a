// Reading Float memory as Doubles: sums over more than a row are made in Double for both types.

extension FloatX4 {
  public typealias Wide = DoubleX2
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Float>) -> DoubleX2 {
    DoubleX2(SIMD2<Double>(Double(p[0]), Double(p[1])))
  }
}

extension FloatX8 {
  public typealias Wide = DoubleX4
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Float>) -> DoubleX4 {
    DoubleX4(SIMD4<Double>(UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self)))
  }
}

extension FloatX16 {
  public typealias Wide = DoubleX8
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Float>) -> DoubleX8 {
    DoubleX8(SIMD8<Double>(UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self)))
  }
}

extension DoubleX2 {
  public typealias Wide = Self
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Double>) -> Self { load(p) }
}

extension DoubleX4 {
  public typealias Wide = Self
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Double>) -> Self { load(p) }
}

extension DoubleX8 {
  public typealias Wide = Self
  @_alwaysEmitIntoClient @inline(__always) public static func loadWide(_ p: UnsafePointer<Double>) -> Self { load(p) }
}
