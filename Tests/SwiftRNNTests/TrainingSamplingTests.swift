import Reference
import SwiftRNN
import Testing

@Suite(.serialized) struct TrainingSamplingTests {
  @Test func temperatureZeroTakesTheFirstOfTheLargest() throws {
    let logits: [Float] = [1, 3, 3, 2, /**/ -1, -.infinity, -2, -1, /**/ 0, -0.0, 0, 0]
    #expect(try sample(Sampler(temperature: 0), logits, classes: 4) == [1, 0, 0])
    #expect(try sample(Sampler(temperature: .leastNonzeroMagnitude), logits, classes: 4) == [1, 0, 0])
    #expect(try sample(Sampler(temperature: 1), [Double](repeating: -7, count: 3), classes: 1) == [0, 0, 0])
  }

  /// The class that each random number must give, from sorted probabilities.
  @Test func drawsFollowTheReference() throws {
    var random = SplitMix(20)
    var compared = 0
    for trial in 0..<600 {
      let classes = 1 + Int(random.next() % 60)
      // Halves: many equal logits.
      var logits = random.integers(classes, -6..<6).map { Float($0) / 2 }
      if trial % 3 == 0 { logits[trial % classes] = -.infinity }
      if !logits.contains(where: \.isFinite) { continue }
      let sampler = Sampler(
        temperature: [0.3, 1, 2.5][trial % 3], topK: [0, 1, 3, classes, 1000][trial % 5],
        topP: [0, 0.3, 0.75, 1][trial % 4], seed: UInt64(trial))
      let probabilities = TrainingReference.samplingProbabilities(
        logits: doubles(logits), temperature: sampler.temperature, topK: min(sampler.topK, classes),
        topP: sampler.topP)
      let rows = 20
      let position = UInt64.max - UInt64(trial)
      let ids = try sample(
        sampler, [[Float]](repeating: logits, count: rows).flatMap { $0 }, classes: classes, position: position)
      for row in 0..<rows {
        let words = Philox(seed: UInt64(trial)).words(position, UInt64(row))
        let uniform = Double((UInt64(words.1) << 32 | UInt64(words.0)) >> 11) * 0x1p-53
        var below = 0.0
        var expected = 0
        for (i, p) in probabilities.enumerated() where p > 0 && below <= uniform {
          below += p
          expected = i
        }
        let before = below - probabilities[expected]
        // At a border between classes, rounding decides.
        guard uniform - before > 1e-12, below - uniform > 1e-12 else { continue }
        #expect(ids[row] == expected, "trial \(trial), row \(row)")
        compared += 1
      }
    }
    #expect(compared > 10_000)
  }

  /// Pearson's chi-square, each 20000 draws with a fixed seed; the limits are the 99.9 % quantiles.
  @Test func frequenciesMatchProbabilities() throws {
    let logits: [Double] = [0.3, -1, 2, 0.5, 1.5, -.infinity, 0, -2, 1, 0.7]
    let draws = 20_000
    let limits = [1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52, 6: 22.46, 7: 24.32, 8: 26.12]
    for sampler in [
      Sampler(seed: 1), Sampler(temperature: 0.5, seed: 2), Sampler(temperature: 3, topK: 4, seed: 3),
      Sampler(topP: 0.8, seed: 4), Sampler(temperature: 2, topK: 7, topP: 0.6, seed: 5),
    ] {
      let probabilities = TrainingReference.samplingProbabilities(
        logits: logits, temperature: sampler.temperature, topK: sampler.topK, topP: sampler.topP)
      var counts = [Int](repeating: 0, count: logits.count)
      let batch = [[Double]](repeating: logits, count: 100).flatMap { $0 }
      for position in 0..<draws / 100 {
        for id in try sample(sampler, batch, classes: logits.count, position: UInt64(position)) { counts[id] += 1 }
      }
      var chiSquare = 0.0
      for (count, p) in zip(counts, probabilities) {
        if p == 0 {
          #expect(count == 0)
        } else {
          let expected = p * Double(draws)
          chiSquare += (Double(count) - expected) * (Double(count) - expected) / expected
        }
      }
      let limit = try #require(limits[probabilities.count { $0 > 0 } - 1])
      #expect(chiSquare < limit, "\(sampler)")
    }
  }

  @Test func filtersKeepTheLowerIndexOfEquals() throws {
    let equal = [[Float]](repeating: [2, 5, 5, 5, 1], count: 400).flatMap { $0 }
    #expect(Set(try sample(Sampler(topK: 2), equal, classes: 5)) == [1, 2])
    #expect(Set(try sample(Sampler(topP: 0.4), equal, classes: 5)) == [1, 2])
    #expect(Set(try sample(Sampler(topK: 3, topP: 0.4), equal, classes: 5)) == [1, 2])
    #expect(Set(try sample(Sampler(topP: 1e-300), equal, classes: 5)) == [1])
    #expect(Set(try sample(Sampler(topK: 3), equal, classes: 5)) == [1, 2, 3])
  }

  @Test func drawsDependOnSeedPositionAndRowOnly() throws {
    var random = SplitMix(21)
    let logits: [Float] = random.numbers(64 * 5000)
    let sampler = Sampler(temperature: 1, topK: 900, topP: 0.95, seed: 9)
    let all = try withThreadCounts { try sample(sampler, logits, classes: 5000, position: 5) }
    #expect(all.dropFirst().allSatisfy { $0 == all[0] })
    #expect(
      try sample(sampler, Array(logits.prefix(10 * 5000)), classes: 5000, position: 5) == Array(all[0].prefix(10)))
    #expect(try sample(sampler, logits, classes: 5000, position: 6) != all[0])
    #expect(try sample(Sampler(topK: 900, topP: 0.95, seed: 10), logits, classes: 5000, position: 5) != all[0])
    #expect(Set(all[0]).count > 32)
    #expect(try sample(sampler, doubles(logits), classes: 5000, position: 5) == all[0])
  }

  @Test func unusableLogitsAndSettingsAreRefused() throws {
    for bad in [[Float.nan, 0], [.infinity, 0], [-.infinity, -.infinity]] {
      for temperature in [0.0, 1] {
        var ids = [-7, -7]
        let logits: [Float] = [1, 2] + bad
        let message = logits.withUnsafeBufferPointer { logits in
          ids.withUnsafeMutableBufferPointer { ids in
            #expect(throws: RNNError.self) {
              var sampler = Sampler(temperature: temperature)
              try sampler.sample(logits: logits, classes: 2, ids: ids)
            }?.description
          }
        }
        let number = bad[0].isNaN ? "NaN" : bad[0] > 0 ? "infinity" : "-infinity"
        #expect(message == "logits[1] has \(number), must be finite or -infinity, and not all -infinity")
        #expect(ids == [-7, -7], "something was written")
      }
    }
    for sampler in [
      Sampler(temperature: -1), Sampler(temperature: .nan), Sampler(temperature: .infinity), Sampler(topK: -1),
      Sampler(topP: -0.1), Sampler(topP: 1.1), Sampler(topP: .nan),
    ] {
      #expect(throws: RNNError.self) { try sample(sampler, [1.0, 2], classes: 2) }
    }
    #expect(throws: RNNError.self) { try sample(Sampler(), [1.0, 2], classes: -1) }
    #expect(try sample(Sampler(), [Float](), classes: 0) == [])
  }
}
