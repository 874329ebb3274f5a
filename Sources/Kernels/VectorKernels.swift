// Runs a list of vector instructions: a choice for each instruction, and then one loop over its rows and columns.

import CPrimitives

/// Rows and columns of one instruction.
@usableFromInline
struct VectorLoop<V: Lanes> {
  @usableFromInline let instruction: VectorInstruction<V.Scalar>
  @usableFromInline let table: UnsafePointer<VectorRows<V.Scalar>>
  @usableFromInline let rows: Int

  @inlinable @inline(__always)
  init(_ program: VectorProgram<V.Scalar>, _ number: Int) {
    instruction = program.instructions[number]
    table = program.table
    rows = program.rows
  }

  @inlinable @inline(__always) var width: Int { Int(instruction.width) }

  @inlinable @inline(__always)
  func row(_ operand: VectorOperand, _ row: Int) -> UnsafeMutablePointer<V.Scalar> {
    let place = table[Int(operand.place)]
    guard let pointers = place.rows else { return place.start + (row &* place.stride &+ Int(operand.column)) }
    let offset = place.stride &+ Int(operand.column)
    fetch(pointers[min(row &+ 1, rows &- 1)] + offset)
    return pointers[row] + offset
  }

  /// Asks for a row of a place whose rows lie apart, such as the tape: all of them do not fit the second-level cache,
  /// and the hardware's own prefetch does not follow them.
  @inlinable @inline(__always)
  func fetch(_ row: UnsafeMutablePointer<V.Scalar>) {
    let line = 64 / MemoryLayout<V.Scalar>.stride
    var i = 0
    while i < width {
      swiftrnn_prefetch_first(row + i)
      i &+= line
    }
  }

  @inlinable @inline(__always)
  func none(_ f: () -> V) {
    for r in 0..<rows {
      let out = row(instruction.out, r)
      var i = 0
      while i < width {
        f().store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func one(_ f: (V) -> V) {
    for r in 0..<rows {
      let (out, a) = (row(instruction.out, r), row(instruction.a, r))
      var i = 0
      while i < width {
        f(V.load(a + i)).store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func two(_ f: (V, V) -> V) {
    for r in 0..<rows {
      let (out, a, b) = (row(instruction.out, r), row(instruction.a, r), row(instruction.b, r))
      var i = 0
      while i < width {
        f(V.load(a + i), V.load(b + i)).store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func three(_ f: (V, V, V) -> V) {
    for r in 0..<rows {
      let (out, a) = (row(instruction.out, r), row(instruction.a, r))
      let (b, c) = (row(instruction.b, r), row(instruction.c, r))
      var i = 0
      while i < width {
        f(V.load(a + i), V.load(b + i), V.load(c + i)).store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func four(_ f: (V, V, V, V) -> V) {
    for r in 0..<rows {
      let (out, a, b) = (row(instruction.out, r), row(instruction.a, r), row(instruction.b, r))
      let (c, d) = (row(instruction.c, r), row(instruction.d, r))
      var i = 0
      while i < width {
        f(V.load(a + i), V.load(b + i), V.load(c + i), V.load(d + i)).store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func copy() {
    for r in 0..<rows {
      let (out, a) = (row(instruction.out, r), row(instruction.a, r))
      vectors(V.self, width) { i, n in V.load(a + i, first: n).store(out + i, first: n) }
    }
  }

  @inlinable @inline(__always)
  func broadcast() {
    for r in 0..<rows {
      let out = row(instruction.out, r)
      let value = V(repeating: row(instruction.a, r)[0])
      var i = 0
      while i < width {
        value.store(out + i)
        i &+= V.count
      }
    }
  }

  @inlinable @inline(__always)
  func whole(_ f: (_ a: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>) -> Void) {
    for r in 0..<rows { f(UnsafePointer(row(instruction.a, r)), row(instruction.out, r)) }
  }

  @inlinable @inline(__always)
  func wholePair(
    _ f: (
      _ a: UnsafePointer<V.Scalar>, _ b: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>
    ) -> Void
  ) {
    for r in 0..<rows {
      f(UnsafePointer(row(instruction.a, r)), UnsafePointer(row(instruction.b, r)), row(instruction.out, r))
    }
  }
}

@inlinable @inline(__always)
func run<V: Lanes>(_: V.Type, _ program: VectorProgram<V.Scalar>) {
  for number in 0..<program.count {
    let loop = VectorLoop<V>(program, number)
    let (k, l) = (loop.instruction.k, loop.instruction.l)
    switch loop.instruction.opcode {
    case .fill: loop.none { V(repeating: k) }
    case .broadcast: loop.broadcast()
    case .copy: loop.copy()
    case .add: loop.two { $0 + $1 }
    case .subtract: loop.two { $0 - $1 }
    case .multiply: loop.two { $0 * $1 }
    case .divide: loop.two { $0 / $1 }
    case .minimum: loop.two { V.minimumOrNaN($0, $1) }
    case .maximum: loop.two { V.maximumOrNaN($0, $1) }
    case .negate: loop.one { -$0 }
    case .affine: loop.one { V.multiplyAdd($0, V(repeating: k), V(repeating: l)) }
    case .multiplyAdd: loop.three { V.multiplyAdd($0, $1, $2) }
    case .multiplySubtract: loop.three { V.multiplyAdd($0, $1, -$2) }
    case .selectLess: loop.four { V.select(V.less($0, $1), $2, $3) }
    case .selectLessOrEqual:
      loop.four { V.select(V.less($0, $1), $2, V.select(V.equal($0, $1), $2, $3)) }

    case .sigmoid: loop.one { V.sigmoid($0) }
    case .tanh: loop.one { V.tanh($0) }
    case .relu: loop.one { V.relu($0) }
    case .selu:
      loop.one { V.elu($0, positive: V.Scalar(seluScale), negative: V.Scalar(seluScale * seluAlpha)) }
    case .gelu: loop.one { $0 * V.normalDistribution($0) }
    case .silu: loop.one { $0 * V.sigmoid($0) }
    case .softplus: loop.one { V.softplus($0) }
    case .softsign: loop.one { $0 / (V.one + $0.absolute()) }
    case .exp: loop.one { V.exp($0) }
    case .log: loop.one { V.log($0) }
    case .logSigmoid: loop.one { V.logSigmoid($0) }
    case .squareRoot: loop.one { $0.squareRoot() }
    case .absolute: loop.one { $0.absolute() }
    case .sign: loop.one { V.signum($0) }
    case .leakyRelu: loop.one { V.select(V.less(V.zero, $0), $0, V(repeating: k) * $0) }
    case .elu: loop.one { V.elu($0, positive: 1, negative: k) }
    case .hardSigmoid: loop.one { V.multiplyAdd($0, V(repeating: k), V(repeating: l)).clamped(0, 1) }
    case .clamp: loop.one { $0.clamped(k, l) }
    case .thresholdedRelu: loop.one { V.select(V.less($0, V(repeating: k)), V.zero, $0) }
    case .scaledTanh: loop.one { V(repeating: k) * V.tanh(V(repeating: l) * $0) }

    case .sigmoidGradient: loop.two { $1 * ($0 * (V.one - $0)) }
    case .tanhGradient: loop.two { $1 * V.multiplyAdd(-$0, $0, V.one) }
    case .reluGradient: loop.two { V.select(V.less(V.zero, $0), $1, V.zero) }
    case .seluGradient:
      loop.two {
        $1 * V.eluDerivative($0, positive: V.Scalar(seluScale), negative: V.Scalar(seluScale * seluAlpha))
      }
    case .geluGradient: loop.two { $1 * V.multiplyAdd($0, V.normalDensity($0), V.normalDistribution($0)) }
    case .siluGradient: loop.two { $1 * V.siluDerivative($0) }
    case .softplusGradient: loop.two { $1 * V.sigmoid($0) }
    case .softsignGradient: loop.two { $1 * V.softsignDerivative($0) }
    case .logSigmoidGradient: loop.two { $1 * V.sigmoid(-$0) }
    case .absoluteGradient: loop.two { $1 * V.signum($0) }
    case .leakyReluGradient: loop.two { V.select(V.less(V.zero, $0), $1, V(repeating: k) * $1) }
    case .eluGradient: loop.two { $1 * V.eluDerivative($0, positive: 1, negative: k) }
    case .hardSigmoidGradient:
      loop.two { V.inside(V.multiplyAdd($0, V(repeating: k), V(repeating: l)), V(repeating: k) * $1, 0, 1) }
    case .hardTanhGradient: loop.two { V.inside($0, $1, k, l) }
    case .clampGradient: loop.two { V.within($0, $1, k, l) }
    case .thresholdedReluGradient: loop.two { V.select(V.less($0, V(repeating: k)), V.zero, $1) }
    case .scaledTanhGradient:
      loop.two {
        let t = V.tanh(V(repeating: l) * $0)
        return V(repeating: k * l) * $1 * V.multiplyAdd(-t, t, V.one)
      }
    case .minimumGradient:
      loop.three {
        V.select(V.less($0, $1), $2, V.select(V.equal($0, $1), V(repeating: 0.5) * $2, V.zero))
      }

    case .sigmoidOfSum: loop.two { V.sigmoid($0 + $1) }
    case .tanhOfSum: loop.two { V.tanh($0 + $1) }
    case .sigmoidOfMultiplyAdd: loop.three { V.sigmoid(V.multiplyAdd($0, $1, $2)) }
    case .tanhOfMultiplyAdd: loop.three { V.tanh(V.multiplyAdd($0, $1, $2)) }
    case .sigmoidGradientOfProduct: loop.three { ($1 * $2) * ($0 * (V.one - $0)) }
    case .tanhGradientOfProduct: loop.three { ($1 * $2) * V.multiplyAdd(-$0, $0, V.one) }

    case .sum: loop.whole { a, out in out[0] = V.sum(a, loop.width) }
    case .mean: loop.whole { a, out in out[0] = V.sum(a, loop.width) / V.Scalar(loop.width) }
    case .layerNorm: loop.whole { a, out in V.layerNorm(a, out, loop.width) }
    case .rmsNorm: loop.whole { a, out in V.rmsNorm(a, out, loop.width) }
    case .softmax: loop.whole { a, out in V.softmax(a, out, loop.width) }
    case .layerNormGradient: loop.wholePair { a, b, out in V.layerNormGradient(a, b, out, loop.width) }
    case .rmsNormGradient: loop.wholePair { a, b, out in V.rmsNormGradient(a, b, out, loop.width) }
    case .softmaxGradient: loop.wholePair { a, b, out in V.softmaxGradient(a, b, out, loop.width) }
    }
  }
}

/// Runs a program. All rows of an instruction are written before the next one reads any.
public struct VectorKernels<Scalar: Real>: Sendable {
  public typealias Entry = @Sendable (UnsafePointer<VectorProgram<Scalar>>) -> Void

  public let run: Entry

  @usableFromInline @_alwaysEmitIntoClient @inline(__always)
  init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    run = { Kernels.run(V.self, $0.pointee) }
  }
}
