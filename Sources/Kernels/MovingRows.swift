// Rows of an array that has a row for each step: where they lie is looked up once, and moves from step to step.

/// Row r at `starts[r] + offset`, in elements.
public struct MovingRows<Scalar: Real>: BitwiseCopyable {
  public var starts: UnsafePointer<UnsafeMutablePointer<Scalar>>
  public var offset: Int

  @_alwaysEmitIntoClient @inline(__always)
  public init(_ starts: UnsafePointer<UnsafeMutablePointer<Scalar>>, offset: Int) {
    self.starts = starts
    self.offset = offset
  }

  @_alwaysEmitIntoClient @inline(__always)
  public subscript(row: Int) -> UnsafeMutablePointer<Scalar> { starts[row] + offset }
}
