// Runs a list of vector instructions: a choice for each instruction, and then one loop over its rows and columns.

import CPrimitives

/// Rows and columns of one instruction.
@usableFromInline
struct VectorLoop<V: Lanes> {
  @usableFromInline let instruction: VectorInstruction<V.Scalar>
  @usableFromInline let table: UnsafePointer<VectorRows<V.Scalar>>
  @usableFromInline let rows: Int

  @_alwaysEmitIntoClient @inline(__always)
  init(_ program: VectorProgram<V.Scalar>, _ number: Int) {
    instruction = program.instructions[number]
    table = program.table
    rows = program.rows
  }

  @_alwaysEmitIntoClient @inline(__always) var width: Int { Int(instruction.width) }

  @_alwaysEmitIntoClient @inline(__always)
  func operand(_ operand: VectorOperand) -> LoopRows<V> { LoopRows(self, operand) }

  /// Calls `body` with the columns of each vector.
  @_alwaysEmitIntoClient @inline(__always)
  func columns(_ body: (_ i: Int) -> Void) {
    var i = 0
    while i < width {
      body(i)
      i &+= V.count
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func none(_ f: () -> V) {
    let outs = operand(instruction.out)
    for r in 0..<rows {
      let out = outs[r]
      columns { f().store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func one(_ f: (V) -> V) {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    for r in 0..<rows {
      let (out, a) = (outs[r], first[r])
      columns { f(V.load(a + $0)).store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func two(_ f: (V, V) -> V) {
    let (outs, first, second) = (operand(instruction.out), operand(instruction.a), operand(instruction.b))
    for r in 0..<rows {
      let (out, a, b) = (outs[r], first[r], second[r])
      columns { f(V.load(a + $0), V.load(b + $0)).store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func three(_ f: (V, V, V) -> V) {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    let (second, third) = (operand(instruction.b), operand(instruction.c))
    for r in 0..<rows {
      let (out, a, b, c) = (outs[r], first[r], second[r], third[r])
      columns { f(V.load(a + $0), V.load(b + $0), V.load(c + $0)).store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func four(_ f: (V, V, V, V) -> V) {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    let (second, third, fourth) = (operand(instruction.b), operand(instruction.c), operand(instruction.d))
    for r in 0..<rows {
      let (out, a, b, c, d) = (outs[r], first[r], second[r], third[r], fourth[r])
      columns { f(V.load(a + $0), V.load(b + $0), V.load(c + $0), V.load(d + $0)).store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func copy() {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    for r in 0..<rows {
      let (out, a) = (outs[r], first[r])
      vectors(V.self, width) { i, n in V.load(a + i, first: n).store(out + i, first: n) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func broadcast() {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    for r in 0..<rows {
      let out = outs[r]
      let value = V(repeating: first[r][0])
      columns { value.store(out + $0) }
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func whole(_ f: (_ a: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>) -> Void) {
    let (outs, first) = (operand(instruction.out), operand(instruction.a))
    for r in 0..<rows { f(UnsafePointer(first[r]), outs[r]) }
  }

  @_alwaysEmitIntoClient @inline(__always)
  func wholePair(
    _ f: (
      _ a: UnsafePointer<V.Scalar>, _ b: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>
    ) -> Void
  ) {
    let (outs, first, second) = (operand(instruction.out), operand(instruction.a), operand(instruction.b))
    for r in 0..<rows { f(UnsafePointer(first[r]), UnsafePointer(second[r]), outs[r]) }
  }
}

/// The rows of one operand, looked up once for an instruction: row r at `start + r * stride`, or, if there are pointers,
/// at `pointers[r] + stride`.
@usableFromInline
struct LoopRows<V: Lanes> {
  @usableFromInline let start: UnsafeMutablePointer<V.Scalar>
  @usableFromInline let pointers: UnsafePointer<UnsafeMutablePointer<V.Scalar>>?
  @usableFromInline let stride: Int
  @usableFromInline let width: Int
  @usableFromInline let last: Int

  @_alwaysEmitIntoClient @inline(__always)
  init(_ loop: VectorLoop<V>, _ operand: VectorOperand) {
    let place = loop.table[Int(operand.place)]
    let column = Int(operand.column)
    (pointers, width, last) = (place.rows, loop.width, loop.rows &- 1)
    start = place.rows == nil ? place.start + column : place.start
    stride = place.rows == nil ? place.stride : place.stride &+ column
  }

  @_alwaysEmitIntoClient @inline(__always)
  subscript(row: Int) -> UnsafeMutablePointer<V.Scalar> {
    guard let pointers else { return start + row &* stride }
    fetch(pointers[min(row &+ 1, last)] + stride)
    return pointers[row] + stride
  }

  /// Asks for a row of a place whose rows lie apart, such as the tape: all of them do not fit the second-level cache,
  /// and the hardware's own prefetch does not follow them.
  @_alwaysEmitIntoClient @inline(__always)
  func fetch(_ row: UnsafeMutablePointer<V.Scalar>) {
    let line = 64 / MemoryLayout<V.Scalar>.stride
    var i = 0
    while i < width {
      swiftrnn_prefetch_first(row + i)
      i &+= line
    }
  }
}

@_alwaysEmitIntoClient @inline(__always)
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
    case .mean: loop.whole { a, out in out[0] = V.mean(a, loop.width) }
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

  @_alwaysEmitIntoClient @inline(__always)
  init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    run = { Kernels.run(V.self, $0.pointee) }
  }
}
