import Kernels
import Reference
import SwiftRNN
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Losses with options, behind a linear layer, and of numbers against numbers: kernels of every instruction set against
/// plain references, threads, blocks of rows, tensors. One after the other: the thread count is the process's.
@Suite(.serialized) struct TrainingLossTests {
  // MARK: Kernels

  @Test func weightedCrossEntropyOfFloat() { weightedCrossEntropy(Float.self) }
  @Test func weightedCrossEntropyOfDouble() { weightedCrossEntropy(Double.self) }

  private func weightedCrossEntropy<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(60)
    for classes in trainingSizes where classes > 0 && classes < 4096 {
      let rows = 4
      let logits: [S] = random.numbers(rows * classes, -4...4)
      let targets = random.integers(rows, 0..<classes)
      let classWeights: [S] = random.numbers(classes, 0...2)
      let rowWeights: [S] = [0.5, 1, 0, 2]
      let expected = TrainingReference.weightedCrossEntropy(
        logits: doubles(logits), classes: classes, targets: targets, smoothing: 0.2,
        classWeights: doubles(classWeights), rowWeights: doubles(rowWeights), scale: 0.25)
      let classSum = doubles(classWeights).reduce(0, +)
      func run(_ table: KernelTable<S>) -> (losses: [Double], gradient: [S]) {
        var losses = [Double](repeating: .nan, count: rows)
        var gradient = [S](repeating: .nan, count: logits.count)
        losses.withUnsafeMutableBufferPointer { losses in
          gradient.withUnsafeMutableBufferPointer { gradient in
            classWeights.withUnsafeBufferPointer { classWeights in
              rowWeights.withUnsafeBufferPointer { rowWeights in
                logits.withUnsafeBufferPointer { logits in
                  targets.withUnsafeBufferPointer { targets in
                    guard let x = logits.baseAddress, let t = targets.baseAddress, let l = losses.baseAddress else {
                      return
                    }
                    var batch = CrossEntropyRows(
                      logits: x, classes: classes, targets: t, ignored: -100, scale: 0.25, losses: l,
                      gradient: gradient.baseAddress,
                      weighting: CrossEntropyWeighting(
                        smoothing: 0.2, classWeights: classWeights.baseAddress, classSum: classSum,
                        rowWeights: rowWeights.baseAddress))
                    table.training.crossEntropy(&batch, 0..<rows)
                  }
                }
              }
            }
          }
        }
        return (losses, gradient)
      }
      for (name, table) in S.tables {
        let found = run(table)
        for row in 0..<rows {
          #expect(
            abs(found.losses[row] - expected.losses[row]) <= 64 * S.unit * (1 + expected.losses[row]),
            "\(name), \(classes) classes, row \(row)")
        }
        #expect(
          zip(found.gradient, expected.gradient).allSatisfy { abs(Double($0) - $1) <= 32 * S.unit },
          "\(name), \(classes) classes")
      }
      let all = S.fused.map { run($0.table) }
      for other in all.dropFirst() {
        #expect(other.losses == all[0].losses && other.gradient.map(\.bits) == all[0].gradient.map(\.bits))
      }
    }
  }

  @Test func pairsOfFloat() { pairs(Float.self) }
  @Test func pairsOfDouble() { pairs(Double.self) }

  private func pairs<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(61)
    for count in trainingSizes {
      let width = count % 3 == 0 ? 3 : 1
      let p: [S] = random.numbers(count, -6...6)
      let t: [S] = random.numbers(count, 0...1)
      let rowWeights: [S] = random.numbers(count / width, 0...2)
      let positive: [S] = random.numbers(width, 0...2)
      for kind in [ElementLossKind.binaryCrossEntropy, .squared, .absolute, .huber] {
        for isWeighted in [false, true] {
          func run(_ table: KernelTable<S>, inPlace: Bool) -> (sums: [Double], gradient: [S]) {
            var sums = [Double](repeating: .nan, count: count / 4096 + 1)
            var gradient = inPlace ? p : [S](repeating: .nan, count: count)
            sums.withUnsafeMutableBufferPointer { sums in
              gradient.withUnsafeMutableBufferPointer { gradient in
                p.withUnsafeBufferPointer { p in
                  t.withUnsafeBufferPointer { t in
                    rowWeights.withUnsafeBufferPointer { rows in
                      positive.withUnsafeBufferPointer { columns in
                        guard let x = p.baseAddress, let y = t.baseAddress, let s = sums.baseAddress, count > 0 else {
                          return
                        }
                        var batch = ElementLossBatch(
                          kind: kind, delta: 0.75, count: count, width: width,
                          predictions: inPlace ? UnsafePointer(gradient.baseAddress) ?? x : x, targets: y,
                          rowWeights: isWeighted ? rows.baseAddress : nil,
                          positiveWeights: isWeighted && kind == .binaryCrossEntropy ? columns.baseAddress : nil,
                          scale: 0.5, factor: 1, sums: s, gradient: gradient.baseAddress)
                        table.training.elementLoss(&batch, 0..<(count + 4095) / 4096)
                      }
                    }
                  }
                }
              }
            }
            return (Array(sums.prefix((count + 4095) / 4096)), gradient)
          }
          var loss = 0.0
          var slopes: [Double] = []
          for i in 0..<count {
            let weight = isWeighted ? Double(rowWeights[i / width]) : 1
            let pair = TrainingReference.pair(
              kind, Double(p[i]), Double(t[i]), delta: 0.75,
              positive: isWeighted && kind == .binaryCrossEntropy ? Double(positive[i % width]) : 1)
            loss += weight * pair.loss
            slopes.append(0.5 * weight * pair.slope)
          }
          for (name, table) in S.tables {
            let found = run(table, inPlace: false)
            #expect(
              abs(found.sums.reduce(0, +) - loss) <= 64 * S.unit * (1 + loss), "\(name), \(kind), \(count) pairs")
            #expect(
              zip(found.gradient, slopes).allSatisfy { abs(Double($0) - $1) <= 32 * S.unit * (1 + abs($1)) },
              "\(name), \(kind), \(count) pairs")
            let again = run(table, inPlace: true)
            #expect(again.sums == found.sums && again.gradient == found.gradient)
          }
          let all = S.fused.map { run($0.table, inPlace: false) }
          for other in all.dropFirst() {
            #expect(other.sums == all[0].sums && other.gradient.map(\.bits) == all[0].gradient.map(\.bits))
          }
        }
      }
    }
  }

  @Test func stepsOfFloat() { steps(Float.self) }
  @Test func stepsOfDouble() { steps(Double.self) }

  /// RMSprop and clipping by value.
  private func steps<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(62)
    for count in trainingSizes where count < 4095 {
      let g: [S] = random.numbers(count)
      let p: [S] = random.numbers(count)
      let m: [S] = random.numbers(count, -0.1...0.1)
      let s: [S] = random.numbers(count, 0.1...1)
      for (centered, momentum) in [(false, 0.0), (true, 0.0), (false, 0.9), (true, 0.9)] {
        func run(_ table: KernelTable<S>) -> [[S]] {
          var factors = RMSpropFactors(rate: 0.1, alpha: 0.9, epsilon: 1e-3, weightDecay: 0.01, momentum: momentum)
          var (parameter, square, mean, velocity) = (p, s, m, m)
          square.withUnsafeMutableBufferPointer { square in
            mean.withUnsafeMutableBufferPointer { mean in
              velocity.withUnsafeMutableBufferPointer { velocity in
                guard let start = square.baseAddress else { return }
                var moments = RMSpropMoments(
                  square: start, mean: centered ? mean.baseAddress : nil,
                  velocity: momentum > 0 ? velocity.baseAddress : nil)
                table.training.rmsprop(&factors, g, &parameter, &moments, count)
              }
            }
          }
          return [parameter, square, mean, velocity]
        }
        for (name, table) in S.tables {
          let found = run(table)
          for i in 0..<count {
            var (parameter, square, mean, velocity) = (Double(p[i]), Double(s[i]), Double(m[i]), Double(m[i]))
            TrainingReference.rmsprop(
              rate: 0.1, alpha: 0.9, epsilon: 1e-3, weightDecay: 0.01, momentum: momentum, centered: centered,
              gradient: Double(g[i]), parameter: &parameter, square: &square, mean: &mean, velocity: &velocity)
            if momentum == 0 { velocity = Double(m[i]) }
            for (mine, theirs) in zip(found, [parameter, square, mean, velocity]) {
              #expect(abs(Double(mine[i]) - theirs) <= 64 * S.unit * (1 + abs(theirs)), "\(name), \(count), \(i)")
            }
          }
        }
        let all = S.fused.map { run($0.table).joined().map(\.bits) }
        #expect(all.allSatisfy { $0 == all.first })
      }
      for (name, table) in S.tables {
        var clipped = p
        table.training.clamp(&clipped, count, 0.25)
        #expect(clipped == p.map { min(max($0, -0.25), 0.25) }, "\(name), \(count) numbers")
      }
    }
  }

  /// Rounding may make the mean's square larger than the mean of the squares.
  @Test func aVarianceIsNotNegative() throws {
    var p: [Float] = [1, 1, 1]
    var s: [Float] = [0, 0, 0]
    var m: [Float] = [0, 0, 0]
    let rmsprop = RMSprop(rate: 0.01, alpha: 0.5, epsilon: 1e-3, centered: true)
    for _ in 0..<100 {
      try [Float](repeating: 0.1, count: 3).withUnsafeBufferPointer { g in
        try p.withUnsafeMutableBufferPointer { p in
          try s.withUnsafeMutableBufferPointer { s in
            try m.withUnsafeMutableBufferPointer { try rmsprop.step(gradient: g, parameter: p, square: s, mean: $0) }
          }
        }
      }
    }
    #expect(p.allSatisfy { $0.isFinite })
  }

  // MARK: Behind a linear layer

  @Test func linearCrossEntropyOfFloat() throws { try linearCrossEntropy(Float.self) }
  @Test func linearCrossEntropyOfDouble() throws { try linearCrossEntropy(Double.self) }

  /// The bits of the three calls, whatever the memory limit and the thread count.
  private func linearCrossEntropy<S: TrainingScalar>(_: S.Type) throws {
    var random = SplitMix(63)
    for (rows, inputs, classes) in [(1, 1, 1), (7, 3, 5), (40, 20, 300), (257, 9, 33), (1030, 12, 50)] {
      let x = try Tensor<S>(random.numbers(rows * inputs), shape: [rows, inputs])
      let weight = try Tensor<S>(random.numbers(classes * inputs), shape: [classes, inputs])
      let bias = try Tensor<S>(random.numbers(classes), shape: [classes])
      let classWeights = try Tensor<S>(random.numbers(classes, 0.5...2), shape: [classes])
      var targets = random.integers(rows, 0..<classes)
      for i in stride(from: 3, to: rows, by: 5) { targets[i] = CrossEntropy.ignoredTarget }
      let logits = try Linear.forward(x, weight: weight, bias: bias)
      let (result, dlogits) = try CrossEntropy.evaluate(
        logits, targets: targets, labelSmoothing: 0.1, classWeights: classWeights)
      let expected = try Linear.backward(dlogits, x: x, weight: weight)
      for limit in [0, 600 * classes * MemoryLayout<S>.stride, LinearCrossEntropy.defaultMemoryLimit] {
        let all = try withThreadCounts {
          try LinearCrossEntropy.evaluate(
            x, weight: weight, bias: bias, targets: targets, labelSmoothing: 0.1, classWeights: classWeights,
            memoryLimit: limit)
        }
        for found in all {
          #expect(found.result.loss == result.loss && found.result.weight == result.weight)
          #expect(found.result.perplexity == result.perplexity && found.result.count == result.count)
          #expect(found.gradients.x == expected.x, "dx of \(rows), \(inputs), \(classes), limit \(limit)")
          #expect(
            found.gradients.weight == expected.weight, "dweight of \(rows), \(inputs), \(classes), limit \(limit)")
          #expect(found.gradients.bias == expected.bias, "dbias of \(rows), \(inputs), \(classes), limit \(limit)")
        }
      }
    }
  }

  @Test func scratchOfALargeVocabulary() throws {
    func bytes(_ rows: Int, _ inputs: Int, _ limit: Int, dx: Bool = true, sums: Bool = true) throws -> Int {
      try LinearCrossEntropy.scratchBytes(
        Float.self, rows: rows, inputs: inputs, classes: 50_000, memoryLimit: limit, dx: dx, sums: sums)
    }
    // Of 800 MB of logits 64; of the packed weights as many bytes as the weights have, and of the gradient's columns that
    // are transposed at once as many as 256 rows of logits.
    #expect(try bytes(4096, 512, 64 << 20) < (64 + 2 * 100 + 20) << 20)
    #expect(try bytes(4096, 512, 64 << 20, dx: false) < (64 + 100 + 20) << 20)
    #expect(try bytes(4096, 16, 64 << 20) < 80 << 20)
    // 256 rows at least, and 32 without sums over rows.
    #expect(try (50..<80).contains(bytes(4096, 16, 0) >> 20))
    #expect(try bytes(4096, 16, 0, sums: false) < 16 << 20)
    // However many rows.
    #expect(try bytes(1 << 30, 16, 64 << 20) == bytes(4096, 16, 64 << 20))
    #expect(try bytes(0, 16, 64 << 20) == 0)
    #expect(throws: RNNError.self) { try bytes(4096, 16, -1) }
    #expect(throws: RNNError.self) { try bytes(.max, 16, 0) }
  }

  // MARK: Tensors

  @Test func tensors() throws {
    let p = try Tensor<Double>([0, 1, 2, 3, 4, 5], shape: [3, 2, 1])
    let t = try Tensor<Double>([0, 0, 0, 0, 0, 0], shape: [3, 2, 1])
    let (loss, gradient) = try ElementwiseLoss.squaredError.evaluate(p, targets: t, lengths: [1, 2])
    let expected: Double = 10.0 / 3.0
    #expect(loss == expected)
    let slopes: [Double] = gradient.elements.map { (3 * $0).rounded() }
    #expect(slopes == [0, 2, 0, 6, 0, 0])
    let huber = try ElementwiseLoss.huber(delta: 1).evaluate(p, targets: t, reduction: .sum).loss
    #expect(huber == 12.5)
    #expect(try ElementwiseLoss.absoluteError.evaluate(p, targets: t).loss == 2.5)
    #expect(throws: RNNError.self) { try ElementwiseLoss.squaredError.evaluate(p, targets: t, lengths: [1, 4]) }
    #expect(throws: RNNError.self) { try ElementwiseLoss.squaredError.evaluate(p, targets: t, positiveWeights: t) }
    #expect(throws: RNNError.self) { try ElementwiseLoss.huber(delta: 0).evaluate(p, targets: t) }

    let part = try p.part(2, shape: [2, 2])
    #expect(part.elements == [2, 3, 4, 5] && part.shape == [2, 2])
    #expect(throws: RNNError.self) { try p.part(3, shape: [2, 2]) }
    #expect(throws: RNNError.self) { try p.part(-1, shape: [1]) }
    #expect(throws: RNNError.self) { try p.part(.max, shape: [1]) }

    var gradients = [try Tensor<Float>([3, -0.5, -7], shape: [3])]
    try GradientClipping.clip(&gradients, values: 1)
    #expect(gradients[0].elements == [1, -0.5, -1])
    #expect(throws: RNNError.self) { try GradientClipping.clip(&gradients, values: 0) }

    var parameter = try Tensor<Double>([1, 2], shape: [2])
    var moments = try RMSprop.Moments(for: parameter)
    let slope = try Tensor<Double>([4, -1], shape: [2])
    try RMSprop(rate: 0.5, alpha: 0.75, epsilon: 0).step(gradient: slope, parameter: &parameter, moments: &moments)
    #expect(parameter.elements == [0, 3] && moments.square.elements == [4, 0.25])
    #expect(throws: RNNError.self) {
      try RMSprop(alpha: 1).step(gradient: slope, parameter: &parameter, moments: &moments)
    }
    let (sum, _) = try CrossEntropy.evaluate(
      try Tensor<Double>(repeating: 0, shape: [2, 4]), targets: [0, 1],
      rowWeights: try Tensor<Double>([1, 3], shape: [2]), reduction: .sum)
    let fourTimes: Double = 4 * log(4.0)
    #expect(abs(sum.loss - fourTimes) < 1e-14)
    #expect(sum.weight == 4)
    #expect(abs(sum.perplexity - 4) < 1e-14)
  }
}
