import Kernels
import Reference
import SwiftRNN
import Testing

/// The kernels of every instruction set of this machine against the plain reference, and against each other.
@Suite struct TrainingKernelTests {
  @Test func sumsOfFloat() { sums(Float.self) }
  @Test func sumsOfDouble() { sums(Double.self) }

  private func sums<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(1)
    for count in trainingSizes {
      let x: [S] = random.numbers(count)
      for (name, kernels) in S.tables {
        var squares = [Double](repeating: .nan, count: count / chunkLength + 2)
        var values = squares
        kernels.training.sumsOfSquares(x, count, 1, &squares)
        kernels.training.sums(x, count, 1, &values)
        let chunks = (count + chunkLength - 1) / chunkLength
        for c in 0..<chunks {
          let chunk = doubles(Array(x[c * chunkLength..<min(count, (c + 1) * chunkLength)]))
          let square = chunk.reduce(0) { $0 + $1 * $1 }
          let magnitude = chunk.reduce(0) { $0 + abs($1) }
          let error = Double(chunk.count + 16) * 0x1p-53
          #expect(abs(squares[c] - square) <= error * square, "\(name), \(count) numbers, chunk \(c)")
          #expect(abs(values[c] - chunk.reduce(0, +)) <= error * magnitude, "\(name), \(count) numbers, chunk \(c)")
        }
        #expect(squares[chunks].isNaN && values[chunks].isNaN, "\(name) writes behind the last chunk of \(count)")
      }
    }
  }

  @Test func crossEntropyOfFloat() { crossEntropy(Float.self) }
  @Test func crossEntropyOfDouble() { crossEntropy(Double.self) }

  private func crossEntropy<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(2)
    for classes in trainingSizes where classes > 0 {
      let rows = 3
      let logits: [S] = random.numbers(rows * classes, -6...6)
      var targets = random.integers(rows, 0..<classes)
      targets[1] = -100
      let expected = TrainingReference.crossEntropy(
        logits: doubles(logits), classes: classes, targets: targets, ignored: -100)
      // The sum of n exponentials is n/16 additions long; exp, log, the quotients and the reference come on top.
      let error = Double(classes / 16 + 16) * S.unit + Double(classes) * 0x1p-53
      for (name, kernels) in S.tables {
        let (losses, gradient) = crossEntropyRows(
          kernels.training, logits, classes: classes, targets: targets, ignored: -100, counted: 2)
        for row in 0..<rows {
          #expect(
            abs(losses[row] - expected.rowLosses[row]) <= error * (1 + abs(expected.rowLosses[row])),
            "\(name), \(classes) classes, row \(row)")
        }
        for i in gradient.indices {
          // At the target, 1/count is taken away from the probability: the error is absolute there.
          let size = i % classes == targets[i / classes] ? 0.5 : abs(expected.gradient[i])
          #expect(
            abs(Double(gradient[i]) - expected.gradient[i]) <= 2 * error * size,
            "\(name), \(classes) classes, element \(i): \(gradient[i]) for \(expected.gradient[i])")
        }
      }
    }
  }

  @Test func stepsOfFloat() { steps(Float.self) }
  @Test func stepsOfDouble() { steps(Double.self) }

  private func steps<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(3)
    for count in trainingSizes where count < 4095 {
      let g: [S] = random.numbers(count)
      let p: [S] = random.numbers(count)
      let m: [S] = random.numbers(count)
      let v: [S] = random.numbers(count, 1e-4...1)
      for (name, kernels) in S.tables {
        for nesterov in [false, true] {
          var factors = SGDFactors(rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: nesterov)
          var parameter = p
          var velocity = m
          kernels.training.sgd(&factors, g, &parameter, &velocity, count)
          for i in 0..<count {
            var (expected, speed) = (Double(p[i]), Double(m[i]))
            TrainingReference.sgd(
              rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: nesterov, gradient: Double(g[i]),
              parameter: &expected, velocity: &speed)
            #expect(abs(Double(parameter[i]) - expected) <= 8 * S.unit, "\(name), \(count) numbers, \(i)")
            #expect(abs(Double(velocity[i]) - speed) <= 8 * S.unit, "\(name), \(count) numbers, \(i)")
          }
        }
        for (step, decoupled) in [(1, false), (2, true), (1000, false), (1 << 40, true)] {
          var factors = AdamFactors(
            rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decoupled: decoupled, step: step)
          var (parameter, first, second) = (p, m, v)
          kernels.training.adam(&factors, g, &parameter, &first, &second, count)
          for i in 0..<count {
            var (expected, mean, square) = (Double(p[i]), Double(m[i]), Double(v[i]))
            TrainingReference.adam(
              rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decoupled: decoupled, step: step,
              gradient: Double(g[i]), parameter: &expected, first: &mean, second: &square)
            // 1 - 0.999^2 loses nine bits of the power, in the reference as well.
            let update = abs(expected - Double(p[i])) + 0.1
            #expect(
              abs(Double(parameter[i]) - expected) <= 16 * S.unit * (1 + update) + 1024 * 0x1p-53 * update,
              "\(name), \(count) numbers, \(i), step \(step)")
            #expect(abs(Double(first[i]) - mean) <= 8 * S.unit, "\(name), \(count) numbers, \(i)")
            #expect(abs(Double(second[i]) - square) <= 8 * S.unit, "\(name), \(count) numbers, \(i)")
          }
        }
      }
    }
  }

  @Test func samplingOfFloat() { sampling(Float.self) }
  @Test func samplingOfDouble() { sampling(Double.self) }

  private func sampling<S: TrainingScalar>(_: S.Type) {
    var random = SplitMix(4)
    for count in trainingSizes where count > 0 {
      var x: [S] = random.numbers(count, -3...3)
      if count > 4 { x[count - 1] = -.infinity }
      let largest = Double(x.max() ?? 0)
      let expected = TrainingReference.samplingProbabilities(logits: doubles(x), temperature: 0.7, topK: 0, topP: 0)
      let total = expected.max().map { 1 / $0 } ?? 0
      for (name, kernels) in S.tables {
        var weights = [Double](repeating: .nan, count: count + 1)
        kernels.training.samplingWeights(x, count, 0.7, &weights)
        for i in 0..<count {
          #expect(
            abs(weights[i] - expected[i] * total) <= Double(count + 16) * 0x1p-52 * weights[i],
            "\(name), \(count) numbers, \(i)")
        }
        #expect(weights[count].isNaN)
        #expect(Double(x[kernels.training.largestIndex(x, count)]) == largest)
        #expect(kernels.training.isSampleable(x, count))
        var keys = [Int](repeating: 0, count: count)
        kernels.training.orderedKeys(x, count, &keys)
        for i in 1..<max(1, count) {
          #expect((keys[i - 1] < keys[i]) == (x[i - 1] < x[i]) && (keys[i - 1] == keys[i]) == (x[i - 1] == x[i]))
        }
        for bad in [S.nan, .infinity] {
          var refused = x
          refused[count / 2] = bad
          #expect(!kernels.training.isSampleable(refused, count), "\(name): \(bad) at \(count / 2)")
        }
        #expect(!kernels.training.isSampleable([S](repeating: -.infinity, count: count), count))
      }
    }
  }

  /// Vectors of 4, 8 and 16 lanes, and the kernels as compiled for AVX2 and AVX-512, agree in every bit.
  @Test func widthsOfFloat() { widths(Float.self) }
  @Test func widthsOfDouble() { widths(Double.self) }

  private func widths<S: TrainingScalar>(_: S.Type) {
    for count in trainingSizes where count > 0 && count < 5000 {
      let all = S.fused.map { (name: $0.name, bits: bits($0.table.training, count)) }
      for other in all.dropFirst() {
        #expect(other.bits == all[0].bits, "\(count) numbers: \(other.name) differs from \(all[0].name)")
      }
    }
  }

  /// Everything that the kernels write for fixed arguments.
  private func bits<S: TrainingScalar>(_ kernels: TrainingKernels<S>, _ count: Int) -> [UInt64] {
    var random = SplitMix(UInt64(count))
    let g: [S] = random.numbers(count)
    var p: [S] = random.numbers(count)
    var m: [S] = random.numbers(count)
    var v: [S] = random.numbers(count, 0...1)
    var out: [UInt64] = []
    var sums = [Double](repeating: 0, count: count / chunkLength + 1)
    kernels.sumsOfSquares(g, count, 0.3, &sums)
    out += sums.map(\.bits)
    kernels.sums(g, count, 0.3, &sums)
    out += sums.map(\.bits)
    var sgd = SGDFactors(rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true)
    kernels.sgd(&sgd, g, &p, &m, count)
    var adam = AdamFactors(
      rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decoupled: false, step: 3)
    kernels.adam(&adam, g, &p, &m, &v, count)
    kernels.scale(&m, count, 0.375)
    out += p.map(\.bits) + m.map(\.bits) + v.map(\.bits)
    var weights = [Double](repeating: 0, count: count)
    kernels.samplingWeights(g, count, 0.3, &weights)
    out += weights.map(\.bits)
    let (losses, gradient) = crossEntropyRows(
      kernels, g, classes: count, targets: [count / 3], ignored: -1, counted: 7)
    return out + gradient.map(\.bits) + losses.map(\.bits)
  }
}
