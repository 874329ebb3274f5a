// Rows of a table looked up by identifier, and the gradient of that.
import Kernels

/// An embedding: a table of one row per word of a vocabulary.
public enum Embedding {
  /// `out[k, :] = weight[ids[k], :]`
  ///
  /// - Parameters:
  ///   - weight: `[vocabulary, width]`, dense.
  ///   - vocabulary: rows of the weight.
  ///   - width: elements of a row, 0 or more.
  ///   - ids: `[count]`, each in `0 ..< vocabulary`.
  ///   - out: `[count, width]`, dense; may not overlap the others.
  /// - Throws: ``RNNError`` for sizes that do not fit and identifiers outside the vocabulary; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func forward<Scalar: RNNScalar>(
    weight: UnsafeBufferPointer<Scalar>, vocabulary: Int, width: Int, ids: UnsafeBufferPointer<Int>,
    out: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    try Check.size("vocabulary", vocabulary)
    try Check.size("width", width)
    try Check.count("weight", weight.count, try Size.product(vocabulary, width, of: "weight"))
    try Check.count("out", out.count, try Size.product(ids.count, width, of: "out"))
    _ = try Check.ids("ids", ids, below: vocabulary)
    _ = try InstructionSet.current
    // Where there are no rows, their width may be any number, one without a number of bytes too.
    guard out.count > 0, let weight = UnsafeRawPointer(weight.baseAddress),
      let out = UnsafeMutableRawPointer(out.baseAddress)
    else { return }
    let bytes = width * MemoryLayout<Scalar>.stride
    Shards(ids.count, work: ids.count * width).run { tokens in
      for k in tokens { (out + k * bytes).copyMemory(from: weight + ids[k] * bytes, byteCount: bytes) }
    }
  }

  /// `dweight[ids[k], :] += dout[k, :]` for ascending k, starting from zeros or from what is there.
  ///
  /// Threads take columns, so that frequent words burden all alike; the bits do not depend on how many there are.
  ///
  /// - Parameters:
  ///   - ids: `[count]`, each in `0 ..< vocabulary`.
  ///   - dout: `[count, width]`, dense: the gradient of the loss for `out`.
  ///   - vocabulary: rows of `dweight`.
  ///   - width: elements of a row, 0 or more.
  ///   - accumulate: false to overwrite `dweight`, true to add to it.
  ///   - dweight: `[vocabulary, width]`, dense; may not overlap the others.
  /// - Throws: ``RNNError`` for sizes that do not fit and identifiers outside the vocabulary; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func backward<Scalar: RNNScalar>(
    ids: UnsafeBufferPointer<Int>, dout: UnsafeBufferPointer<Scalar>, vocabulary: Int, width: Int,
    accumulate: Bool = false, dweight: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    try Check.size("vocabulary", vocabulary)
    try Check.size("width", width)
    try Check.count("dweight", dweight.count, try Size.product(vocabulary, width, of: "dweight"))
    try Check.count("dout", dout.count, try Size.product(ids.count, width, of: "dout"))
    _ = try Check.ids("ids", ids, below: vocabulary)
    let kernel = try Scalar.kernels.training.embeddingGradient
    guard let start = dweight.baseAddress, dweight.count > 0 else { return }
    withFloatControl {
      if !accumulate {
        Shards(dweight.count, work: dweight.count / 4, multiple: chunkLength).run { range in
          (start + range.lowerBound).update(repeating: 0, count: range.count)
        }
      }
      guard let tokens = ids.baseAddress, let dout = dout.baseAddress else { return }
      let gradient = EmbeddingGradient(ids: tokens, count: ids.count, dout: dout, dweight: start, width: width)
      // 32 columns are two cache lines or four: narrower parts would write to each other's.
      Shards(width, work: ids.count * width, multiple: 32).run { columns in
        withUnsafePointer(to: gradient) { kernel($0, columns) }
      }
    }
  }
}
