// The gradient of an embedding: rows gathered by identifier, in the order of the tokens.

/// Rows of `dweight` that gather the rows of `dout` whose identifier they are, for some of the columns.
@frozen public struct EmbeddingGradient<Scalar: Real> {
  /// `[count]`
  public var ids: UnsafePointer<Int>
  public var count: Int
  /// `[count, width]`
  public var dout: UnsafePointer<Scalar>
  /// `[vocabulary, width]`
  public var dweight: UnsafeMutablePointer<Scalar>
  public var width: Int

  @inlinable public init(
    ids: UnsafePointer<Int>, count: Int, dout: UnsafePointer<Scalar>, dweight: UnsafeMutablePointer<Scalar>, width: Int
  ) {
    self.ids = ids
    self.count = count
    self.dout = dout
    self.dweight = dweight
    self.width = width
  }
}

@_alwaysEmitIntoClient @inline(__always)
func embeddingGradient<V: Lanes>(
  _: V.Type, _ gradient: UnsafePointer<EmbeddingGradient<V.Scalar>>, _ columns: Range<Int>
) {
  let g = gradient.pointee
  for k in 0..<g.count {
    let x = g.dout + (k &* g.width &+ columns.lowerBound)
    add(V.self, x, g.dweight + (g.ids[k] &* g.width &+ columns.lowerBound), columns.count)
  }
}
