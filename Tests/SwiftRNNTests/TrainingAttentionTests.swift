import Kernels
import Reference
import SwiftRNN
import Testing

/// Dropout, pooling and attention on tensors: finite differences, threads, and what is refused. Python's tests compare
/// them with torch.
@Suite(.serialized) struct TrainingAttentionTests {
  private func tensor<S: TrainingScalar>(_ random: inout SplitMix, _ shape: Int...) throws -> Tensor<S> {
    try Tensor(random.numbers(shape.reduce(1, *)), shape: shape)
  }

  private func sum(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double {
    zip(a.elements, b.elements).reduce(0) { $0 + $1.0 * $1.1 }
  }

  private func moved(_ a: Tensor<Double>, _ by: Double, _ d: Tensor<Double>) throws -> Tensor<Double> {
    try Tensor(zip(a.elements, d.elements).map { $0 + by * $1 }, shape: a.shape)
  }

  private func parameters<S: TrainingScalar>(
    _ a: Attention, _ random: inout SplitMix, _: S.Type
  ) throws -> Attention.Tensors<S> {
    switch a.kind {
    case .dot: .init()
    case .general: .init(weight: try tensor(&random, a.querySize, a.keySize))
    case .concat:
      .init(
        weight: try tensor(&random, a.size, a.querySize + a.keySize), bias: try tensor(&random, a.size),
        score: try tensor(&random, a.size))
    case .additive:
      .init(
        queryWeight: try tensor(&random, a.size, a.querySize), weight: try tensor(&random, a.size, a.keySize),
        bias: try tensor(&random, a.size), score: try tensor(&random, a.size))
    }
  }

  /// The gradient of each argument is the slope of the loss along a random direction.
  @Test(arguments: Attention.Kind.allCases) func attentionByFiniteDifferences(_ kind: Attention.Kind) throws {
    var random = SplitMix(50)
    for (queries, hasValues) in [(1, false), (3, true), (6, true)] {
      let (steps, sequences, q) = (5, 3, 4)
      let k = kind == .dot ? q : 3
      let attention = Attention(
        kind, querySize: q, keySize: k, valueSize: hasValues ? 2 : nil, size: kind == .dot || kind == .general ? 0 : 6,
        scale: 0.7)
      let lengths = [5, 0, 3]
      let mask = (0..<steps * sequences).map { $0 % 4 != 1 }
      let own = try parameters(attention, &random, Double.self)
      let (x, keys): (Tensor<Double>, Tensor<Double>) = (
        try tensor(&random, queries, sequences, q), try tensor(&random, steps, sequences, k)
      )
      let values: Tensor<Double>? = hasValues ? try tensor(&random, steps, sequences, 2) : nil
      let dcontext: Tensor<Double> = try tensor(&random, queries, sequences, attention.valueSize)
      func loss(
        _ x: Tensor<Double>, _ keys: Tensor<Double>, _ values: Tensor<Double>?, _ p: Attention.Tensors<Double>
      ) throws -> Double {
        let found = try attention.forward(x, keys: keys, values: values, lengths: lengths, mask: mask, parameters: p)
        return sum(found.context, dcontext)
      }
      let weights = try attention.forward(
        x, keys: keys, values: values, lengths: lengths, mask: mask, parameters: own
      ).weights
      let g = try attention.backward(
        dcontext, queries: x, keys: keys, values: values, weights: weights, lengths: lengths, mask: mask,
        parameters: own)
      func check(
        _ what: String, _ at: Tensor<Double>, _ gradient: Tensor<Double>, _ loss: (Tensor<Double>) throws -> Double
      ) throws {
        let direction: Tensor<Double> = try Tensor(random.numbers(at.count), shape: at.shape)
        let step = 1e-5
        let slope = (try loss(moved(at, step, direction)) - loss(moved(at, -step, direction))) / (2 * step)
        let found = sum(gradient, direction)
        #expect(abs(found - slope) <= 1e-8 * max(1, abs(slope)), "\(kind), \(queries) queries: \(what)")
      }
      try check("queries", x, g.queries) { try loss($0, keys, values, own) }
      try check("keys", keys, g.keys) { try loss(x, $0, values, own) }
      if let values, let dvalues = g.values { try check("values", values, dvalues) { try loss(x, keys, $0, own) } }
      func parameter(_ what: String, _ path: WritableKeyPath<Attention.Tensors<Double>, Tensor<Double>?>) throws {
        guard let at = own[keyPath: path] else { return }
        let gradient = try #require(g.parameters[keyPath: path])
        try check(what, at, gradient) {
          var p = own
          p[keyPath: path] = $0
          return try loss(x, keys, values, p)
        }
      }
      try parameter("query weight", \.queryWeight)
      try parameter("weight", \.weight)
      try parameter("bias", \.bias)
      try parameter("score", \.score)
    }
  }

  /// Also of one query by itself, by a memory, and of keys without the padding.
  @Test(arguments: Attention.Kind.allCases) func bitsOfAttention(_ kind: Attention.Kind) throws {
    try bitsOfAttention(kind, Float.self)
    try bitsOfAttention(kind, Double.self)
  }

  private func bitsOfAttention<S: TrainingScalar>(_ kind: Attention.Kind, _: S.Type) throws {
    var random = SplitMix(51)
    for (queries, steps, sequences, size) in [(1, 40, 30, 33), (9, 70, 17, 48), (260, 20, 6, 16)] {
      let attention = Attention(
        kind, querySize: size, keySize: size, size: kind == .dot || kind == .general ? 0 : size)
      let p = try parameters(attention, &random, S.self)
      let (x, keys): (Tensor<S>, Tensor<S>) = (
        try tensor(&random, queries, sequences, size), try tensor(&random, steps, sequences, size)
      )
      let lengths = random.integers(sequences, 0..<steps + 1)
      let all = try withThreadCounts {
        let (context, weights) = try attention.forward(x, keys: keys, lengths: lengths, parameters: p)
        let g = try attention.backward(
          context, queries: x, keys: keys, weights: weights, lengths: lengths, parameters: p)
        let tensors: [Tensor<S>?] = [
          context, weights, g.queries, g.keys, g.parameters.queryWeight, g.parameters.weight, g.parameters.bias,
          g.parameters.score,
        ]
        return tensors.map { $0?.elements ?? [] }
      }
      for other in all.dropFirst() { #expect(other == all[0], "\(kind), \(queries) queries") }
      let memory = try attention.memory(keys, lengths: lengths, parameters: p)
      let width = sequences * size
      for t in [0, queries / 2, queries - 1] {
        let one = try Tensor(Array(x.elements[t * width..<(t + 1) * width]), shape: [1, sequences, size])
        let (context, _) = try attention.forward(one, keys: keys, memory: memory, lengths: lengths, parameters: p)
        #expect(context.elements == Array(all[0][0][t * width..<(t + 1) * width]), "\(kind), query \(t)")
      }
    }
  }

  @Test(arguments: Pool.Kind.allCases) func poolsByFiniteDifferences(_ kind: Pool.Kind) throws {
    var random = SplitMix(52)
    let (steps, sequences, width, size) = (6, 3, 4, 5)
    let attends = kind == .attention
    for directions in kind == .last ? [1, 2] : [1] {
      let pool = Pool(kind, width: width, directions: directions, attentionSize: attends ? size : 0)
      let y: Tensor<Double> = try tensor(&random, steps, sequences, width)
      let own: Pool.Tensors<Double>? =
        attends
        ? .init(
          weight: try tensor(&random, size, width), bias: try tensor(&random, size), query: try tensor(&random, size))
        : nil
      let dout: Tensor<Double> = try tensor(&random, sequences, width)
      let lengths = [6, 0, 4]
      func loss(_ y: Tensor<Double>, _ p: Pool.Tensors<Double>?) throws -> Double {
        sum(try pool.forward(y, lengths: lengths, parameters: p).out, dout)
      }
      let (dy, gradients) = try pool.backward(dout, y: y, lengths: lengths, parameters: own)
      func check(
        _ at: Tensor<Double>, _ gradient: Tensor<Double>, _ loss: (Tensor<Double>) throws -> Double
      ) throws {
        let direction: Tensor<Double> = try Tensor(random.numbers(at.count), shape: at.shape)
        let slope = (try loss(moved(at, 1e-6, direction)) - loss(moved(at, -1e-6, direction))) / 2e-6
        #expect(abs(sum(gradient, direction) - slope) <= 1e-7 * max(1, abs(slope)), "\(kind)")
      }
      try check(y, dy) { try loss($0, own) }
      if let own, let gradients {
        try check(own.weight, gradients.weight) { try loss(y, .init(weight: $0, bias: own.bias, query: own.query)) }
        try check(own.bias, gradients.bias) { try loss(y, .init(weight: own.weight, bias: $0, query: own.query)) }
        try check(own.query, gradients.query) { try loss(y, .init(weight: own.weight, bias: own.bias, query: $0)) }
      }
    }
  }

  @Test func dropoutOfTensors() throws {
    let x = try Tensor<Float>(repeating: 1, shape: [4, 3, 50])
    let (y, seed) = try DropoutLayer(probability: 0.5, layer: 2).apply(x)
    #expect(Set(y.elements) == [0, 2])
    #expect(try DropoutLayer(probability: 0.5, layer: 2).apply(x, seed: seed).y == y)
    #expect(try DropoutLayer(probability: 0.5, layer: 3).apply(x, seed: seed).y != y)
    let part = try Tensor(Array(x.elements[150...]), shape: [3, 3, 50])
    #expect(
      try DropoutLayer(probability: 0.5, layer: 2).apply(part, seed: seed, firstStep: 1).y.elements
        == Array(y.elements[150...]))
    // The counter's words, one by one.
    let philox = Philox(seed: 7)
    let own = try DropoutLayer(probability: 0.25, layer: 5).apply(x, seed: 7).y
    for t in 0..<4 {
      for n in 0..<3 {
        for u in 0..<50 {
          let words = philox.words(UInt32(u / 4), UInt32(t), UInt32(n), 1 << 31 + 5)
          let word = [words.0, words.1, words.2, words.3][u % 4]
          #expect(try own[t, n, u] == (word >= 1 << 30 ? Float(1 / 0.75) : 0))
        }
      }
    }
    refused("p is 1, must be in [0, 1)") { () throws(RNNError) in
      try DropoutLayer(probability: 1).apply(x)
    }
    refused("firstStep is 1, must be 0 unless there is a seed") { () throws(RNNError) in
      try DropoutLayer(probability: 0.5).apply(x, firstStep: 1)
    }
    refused("layer is -1, must be in 0...2147483647") { () throws(RNNError) in
      try DropoutLayer(probability: 0.5, layer: -1).apply(x)
    }
  }

  @Test func refusals() throws {
    let (queries, keys) = (try Tensor<Float>(shape: [2, 3, 4]), try Tensor<Float>(shape: [5, 3, 4]))
    refused("querySize is 4, must be 5") { () throws(RNNError) in
      _ = try Attention(.dot, querySize: 4, keySize: 5).forward(queries, keys: try Tensor(shape: [5, 3, 5]))
    }
    refused("weight must not be nil") { () throws(RNNError) in
      _ = try Attention(.general, querySize: 4, keySize: 4).forward(queries, keys: keys)
    }
    refused("a parameter was given that this kind of attention does not have") { () throws(RNNError) in
      _ = try Attention(.dot, querySize: 4, keySize: 4).forward(
        queries, keys: keys, parameters: .init(weight: try Tensor(shape: [4, 4])))
    }
    refused("lengths[2] is 6, must be in 0...5") { () throws(RNNError) in
      _ = try Attention(.dot, querySize: 4, keySize: 4).forward(queries, keys: keys, lengths: [0, 5, 6])
    }
    refused("mask has 14 elements, must have 15") { () throws(RNNError) in
      _ = try Attention(.dot, querySize: 4, keySize: 4).forward(
        queries, keys: keys, mask: [Bool](repeating: true, count: 14))
    }
    refused("directions is 2, must be 1") { () throws(RNNError) in
      _ = try Pool(.mean, width: 4, directions: 2).forward(keys)
    }
    refused("query must not be nil") { () throws(RNNError) in
      var parameters = Pool.Parameters<Float>()
      let weight = [Float](repeating: 0, count: 8)
      try weight.withUnsafeBufferPointer { (weight) throws(RNNError) in
        parameters.weight = weight
        let y = UnsafeBufferPointer<Float>(start: nil, count: 0)
        try Pool(.attention, width: 4, attentionSize: 2).forward(
          y: y, counted: CountedSteps(steps: 0, sequences: 0), parameters: parameters,
          out: UnsafeMutableBufferPointer(start: nil, count: 0))
      }
    }
  }

  // MARK: Kernels

  @Test func kernelsOfFloat() { kernels(Float.self) }
  @Test func kernelsOfDouble() { kernels(Double.self) }

  /// Each instruction set against plain code, and AVX2's bits against AVX-512's.
  private func kernels<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(53)
    for count in trainingSizes where count > 0 && count < 2000 {
      let x: [S] = random.numbers(count, -4...4)
      let d: [S] = random.numbers(count)
      let rows: [S] = random.numbers(3 * count)
      let score: [S] = random.numbers(count)
      let three: [S] = random.numbers(3)
      func results(_ table: KernelTable<S>) -> [[S]] {
        var (weights, gradient) = (x, d)
        table.attention.softmax(&weights, count, 0.5)
        table.attention.softmaxGradient(weights, &gradient, count, 0.5)
        var sum = [S](repeating: .nan, count: count)
        var scores = [S](repeating: .nan, count: 3)
        var (dquery, dvector) = (sum, score)
        var dkeys = rows
        rows.withUnsafeBufferPointer { all in
          guard let first = all.baseAddress else { return }
          let pointers = [first, first + count, first + 2 * count]
          table.attention.weightedRows(three, pointers, 3, count, &sum)
          table.attention.tanhScores(x, pointers, score, 3, count, &scores)
          dkeys.withUnsafeMutableBufferPointer { all in
            guard let own = all.baseAddress else { return }
            let targets = [own, own + count, own + 2 * count]
            x.withUnsafeBufferPointer { x in
              score.withUnsafeBufferPointer { score in
                pointers.withUnsafeBufferPointer { pointers in
                  targets.withUnsafeBufferPointer { targets in
                    scores.withUnsafeBufferPointer { scores in
                      dquery.withUnsafeMutableBufferPointer { dquery in
                        dvector.withUnsafeMutableBufferPointer { dvector in
                          guard let x = x.baseAddress, let v = score.baseAddress, let k = pointers.baseAddress,
                            let s = scores.baseAddress, let dq = dquery.baseAddress, let dk = targets.baseAddress,
                            let dv = dvector.baseAddress
                          else { return }
                          var arguments = TanhScoreGradient(
                            query: x, keys: k, vector: v, scores: s, count: 3, width: count, dquery: dq, dkeys: dk,
                            dvector: dv)
                          table.attention.tanhScoreGradient(&arguments)
                        }
                      }
                    }
                  }
                }
              }
            }
          }
        }
        return [weights, gradient, sum, scores, dquery, dkeys, dvector]
      }
      let (dx, dd, dr, ds) = (doubles(x), doubles(d), doubles(rows), doubles(score))
      let exponentials = dx.map { exp(0.5 * $0) }
      let whole = exponentials.reduce(0, +)
      let w = exponentials.map { $0 / whole }
      let mean = zip(w, dd).reduce(0) { $0 + $1.0 * $1.1 }
      var z = [dx, dx, dx]
      var g = z
      var scores = [0.0, 0.0, 0.0]
      for k in 0..<3 {
        for j in 0..<count {
          z[k][j] = tanh(dx[j] + dr[k * count + j])
          scores[k] += ds[j] * z[k][j]
        }
        for j in 0..<count { g[k][j] = scores[k] * ds[j] * (1 - z[k][j] * z[k][j]) }
      }
      var expected = [w]
      var (gradient, sum, dquery, dvector, dkeys) = (dd, dd, dd, ds, dr)
      for j in 0..<count {
        gradient[j] = w[j] * (dd[j] - mean) * 0.5
        sum[j] = 0
        for k in 0..<3 { sum[j] += Double(three[k]) * dr[k * count + j] }
        dquery[j] = g[0][j] + g[1][j] + g[2][j]
        for k in 0..<3 {
          dvector[j] += scores[k] * z[k][j]
          dkeys[k * count + j] += g[k][j]
        }
      }
      expected += [gradient, sum, scores, dquery, dkeys, dvector]
      for (name, table) in S.tables {
        for (index, (found, wanted)) in zip(results(table), expected).enumerated() {
          let largest = wanted.reduce(1) { max($0, abs($1)) }
          let error = (Double(count) + 64) * S.unit * largest
          #expect(
            zip(found, wanted).allSatisfy { abs(Double($0) - $1) <= error },
            "\(name), \(count) numbers, result \(index)")
        }
      }
      let all = S.fused.map { results($0.table) }
      for other in all.dropFirst() { #expect(other == all[0], "\(count) numbers") }
    }
  }

  /// By its Taylor series: no libm here.
  private func exp(_ x: Double) -> Double {
    var (term, sum) = (1.0, 1.0)
    for n in 1..<40 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }

  private func tanh(_ x: Double) -> Double {
    let e = exp(-2 * abs(x) / 8)
    let power = e * e * e * e * e * e * e * e
    let y = (1 - power) / (1 + power)
    return x < 0 ? -y : y
  }
}
