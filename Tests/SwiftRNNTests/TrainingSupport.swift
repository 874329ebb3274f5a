import Kernels
import Reference
import SwiftRNN

/// Sizes at which a vector of any instruction set is empty, not full, full, and more; primes; the borders of a chunk.
let trainingSizes: [Int] = {
  var sizes: Set<Int> = [97, 1009, 4095, 4096, 4097, 8195]
  for lanes in [2, 4, 8, 16] { sizes.formUnion([0, 1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3]) }
  return sizes.sorted()
}()

/// A type with all its tables of kernels, by name.
protocol TrainingScalar: RNNScalar {
  /// Half the distance from 1 to the next number.
  static var unit: Double { get }
  /// The vectors of AVX2 and AVX-512, compiled here: the same arithmetic with fused multiply-adds from the C library.
  static var widths: [(name: String, table: KernelTable<Self>)] { get }
  var bits: UInt64 { get }
}

extension TrainingScalar {
  static var tables: [(name: String, table: KernelTable<Self>)] {
    InstructionSet.supported.map { ($0.rawValue, kernels(for: $0)) }
  }

  /// All tables that must agree in every bit.
  static var fused: [(name: String, table: KernelTable<Self>)] {
    widths + InstructionSet.supported.filter { $0 != .baseline }.map { ($0.rawValue, kernels(for: $0)) }
  }
}

extension Float: TrainingScalar {
  static var unit: Double { 0x1p-24 }
  static var widths: [(name: String, table: KernelTable<Float>)] {
    RenamedTables.floats.map { ("\($0.lanes) lanes", $0) }
  }
  var bits: UInt64 { UInt64(bitPattern) }
}

extension Double: TrainingScalar {
  static var unit: Double { 0x1p-53 }
  static var widths: [(name: String, table: KernelTable<Double>)] {
    RenamedTables.doubles.map { ("\($0.lanes) lanes", $0) }
  }
  var bits: UInt64 { bitPattern }
}

/// Runs `body` with 1, 2, 3 and 8 threads and returns what it gave.
func withThreadCounts<Result>(_ body: () throws -> Result) throws -> [Result] {
  defer { try? Threads.setCount(0) }
  return try [1, 2, 3, 8].map {
    try Threads.setCount($0)
    return try body()
  }
}

func doubles<Scalar: BinaryFloatingPoint>(_ numbers: [Scalar]) -> [Double] { numbers.map { Double($0) } }

/// The kernel on rows of logits: losses and gradients.
func crossEntropyRows<S: TrainingScalar>(
  _ kernels: TrainingKernels<S>, _ logits: [S], classes: Int, targets: [Int], ignored: Int, counted: Int
) -> (losses: [Double], gradient: [S]) {
  var losses = [Double](repeating: .nan, count: targets.count)
  var gradient = [S](repeating: .nan, count: logits.count)
  logits.withUnsafeBufferPointer { logits in
    targets.withUnsafeBufferPointer { targets in
      losses.withUnsafeMutableBufferPointer { losses in
        gradient.withUnsafeMutableBufferPointer { gradient in
          guard let x = logits.baseAddress, let t = targets.baseAddress, let l = losses.baseAddress else { return }
          var batch = CrossEntropyRows(
            logits: x, classes: classes, targets: t, ignored: ignored, scale: 1 / Double(counted),
            losses: l, gradient: gradient.baseAddress)
          kernels.crossEntropy(&batch, 0..<targets.count)
        }
      }
    }
  }
  return (losses, gradient)
}

// The calls of the library on arrays.

func crossEntropy<S: TrainingScalar>(
  _ logits: [S], classes: Int, targets: [Int], ignoring: Int = CrossEntropy.ignoredTarget
) throws -> (result: CrossEntropy.Result, losses: [Double], gradient: [S]) {
  var losses = [Double](repeating: .nan, count: targets.count)
  var gradient = [S](repeating: .nan, count: logits.count)
  let result = try logits.withUnsafeBufferPointer { logits in
    try targets.withUnsafeBufferPointer { targets in
      try losses.withUnsafeMutableBufferPointer { losses in
        try gradient.withUnsafeMutableBufferPointer { gradient in
          try CrossEntropy.evaluate(
            logits: logits, classes: classes, targets: targets, ignoring: ignoring, rowLosses: losses, dlogits: gradient
          )
        }
      }
    }
  }
  return (result, losses, gradient)
}

func embeddingGradient<S: TrainingScalar>(
  ids: [Int], dout: [S], vocabulary: Int, width: Int, addingTo start: [S]? = nil
) throws -> [S] {
  var dweight = start ?? [S](repeating: .nan, count: vocabulary * width)
  try ids.withUnsafeBufferPointer { ids in
    try dout.withUnsafeBufferPointer { dout in
      try dweight.withUnsafeMutableBufferPointer {
        try Embedding.backward(
          ids: ids, dout: dout, vocabulary: vocabulary, width: width, accumulate: start != nil, dweight: $0)
      }
    }
  }
  return dweight
}

func embedding<S: TrainingScalar>(_ weight: [S], vocabulary: Int, width: Int, ids: [Int]) throws -> [S] {
  var out = [S](repeating: .nan, count: ids.count * width)
  try weight.withUnsafeBufferPointer { weight in
    try ids.withUnsafeBufferPointer { ids in
      try out.withUnsafeMutableBufferPointer {
        try Embedding.forward(weight: weight, vocabulary: vocabulary, width: width, ids: ids, out: $0)
      }
    }
  }
  return out
}

/// Clips copies; the tensors after and the norm before.
func clip<S: TrainingScalar>(_ tensors: [[S]], maxNorm: Double) throws -> (tensors: [[S]], norm: Double) {
  let copies = tensors.map { tensor in
    let copy = UnsafeMutableBufferPointer<S>.allocate(capacity: tensor.count)
    _ = copy.initialize(from: tensor)
    return copy
  }
  defer { for copy in copies { copy.deallocate() } }
  let norm = try GradientClipping.clip(copies, maxNorm: maxNorm)
  return (copies.map { Array($0) }, norm)
}

func sgdStep<S: TrainingScalar>(_ sgd: SGD, _ g: [S], _ p: inout [S], _ v: inout [S]) throws {
  try g.withUnsafeBufferPointer { g in
    try p.withUnsafeMutableBufferPointer { p in
      try v.withUnsafeMutableBufferPointer { try sgd.step(gradient: g, parameter: p, velocity: $0) }
    }
  }
}

func adamStep<S: TrainingScalar>(
  _ adam: Adam, _ step: Int, _ g: [S], _ p: inout [S], _ m: inout [S], _ v: inout [S]
) throws {
  try g.withUnsafeBufferPointer { g in
    try p.withUnsafeMutableBufferPointer { p in
      try m.withUnsafeMutableBufferPointer { m in
        try v.withUnsafeMutableBufferPointer {
          try adam.step(step, gradient: g, parameter: p, first: m, second: $0)
        }
      }
    }
  }
}

func sample<S: TrainingScalar>(
  _ sampler: Sampler, _ logits: [S], classes: Int, position: UInt64 = 0
) throws -> [Int] {
  var ids = [Int](repeating: -7, count: classes > 0 ? logits.count / classes : 0)
  var sampler = sampler
  sampler.position = position
  try logits.withUnsafeBufferPointer { logits in
    try ids.withUnsafeMutableBufferPointer {
      try sampler.sample(logits: logits, classes: classes, ids: $0)
    }
  }
  return ids
}
