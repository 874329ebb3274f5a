// The elementary functions over arrays: L1 entries for tests and for what is not fused.

/// `out[i] = f(x[i])` for `0 ..< count`; `out` may be `x`. Pointers need only their elements' alignment.
public struct ElementaryKernels<Scalar: Real>: Sendable {
  public typealias Map =
    @Sendable (_ x: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int) -> Void

  public let exp: Map
  public let log: Map
  public let sigmoid: Map
  public let tanh: Map
  public let squareRoot: Map

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    exp = { map(V.self, $0, $1, $2) { V.exp($0) } }
    log = { map(V.self, $0, $1, $2) { V.log($0) } }
    sigmoid = { map(V.self, $0, $1, $2) { V.sigmoid($0) } }
    tanh = { map(V.self, $0, $1, $2) { V.tanh($0) } }
    squareRoot = { map(V.self, $0, $1, $2) { $0.squareRoot() } }
  }
}

@_alwaysEmitIntoClient @inline(__always)
func map<V: Lanes>(
  _: V.Type, _ x: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>, _ count: Int, _ f: (V) -> V
) {
  var i = 0
  while i &+ V.count <= count {
    f(V.load(x + i)).store(out + i)
    i &+= V.count
  }
  let rest = count &- i
  if rest > 0 { f(V.load(x + i, first: rest)).store(out + i, first: rest) }
}
