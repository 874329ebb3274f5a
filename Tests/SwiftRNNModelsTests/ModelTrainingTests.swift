import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct ModelTrainingTests {
  @Test func schedules() {
    let cosine = Schedule(0.1, .cosine(floor: 0.1), warmUp: 4, steps: 104)
    #expect(abs(cosine.rate(0) - 0.025) < 1e-15 && abs(cosine.rate(3) - 0.1) < 1e-15)
    #expect(
      abs(cosine.rate(4) - 0.1) < 1e-15 && abs(cosine.rate(104) - 0.01) < 1e-15 && cosine.rate(900) == cosine.rate(104))
    #expect((4..<104).allSatisfy { cosine.rate($0) > cosine.rate($0 + 1) })
    let step = Schedule(1, .step(every: 10, factor: 0.5))
    #expect([0, 9, 10, 25].map(step.rate) == [1, 1, 0.5, 0.25])
    #expect(abs(Schedule(2, .exponential(factor: 0.9)).rate(3) - 2 * 0.729) < 1e-15)
    let linear = Schedule(1, .linear(floor: 0), steps: 10)
    #expect((0...10).allSatisfy { abs(linear.rate($0) - (1 - Double($0) / 10)) < 1e-15 })
    #expect(Schedule(0.3).rate(77) == 0.3)
  }

  /// torch's CosineAnnealingLR(optimizer, T_max=10, eta_min=0.01) of a rate of 0.1, and T_max=5 of torch 2.
  @Test func cosinesOfTorch() {
    let toFloor = [
      0.1, 0.09779754323328192, 0.09140576474687263, 0.08145033635316129, 0.06890576474687264, 0.05500000000000001,
      0.04109423525312737, 0.028549663646838717, 0.01859423525312737, 0.012202456766718092, 0.01,
    ]
    let toZero = [0.1, 0.09045084971874738, 0.06545084971874737, 0.03454915028125263, 0.009549150281252633, 0.0]
    for (floor, rates) in [(0.1, toFloor), (0.0, toZero)] {
      let schedule = Schedule(0.1, .cosine(floor: floor), steps: rates.count - 1)
      for (step, rate) in rates.enumerated() { #expect(abs(schedule.rate(step) - rate) < 1e-15, "\(step)") }
    }
  }

  /// Every step of a schedule learns something, the last one too.
  @Test(arguments: [1, 2, 5, 17])
  func noStepIsInVain(steps: Int) {
    for shape in [Schedule.Shape.cosine(floor: 0), .linear(floor: 0)] {
      for warmUp in Set([0, steps / 2, steps - 1]) {
        let schedule = Schedule(0.1, shape, warmUp: warmUp, steps: steps)
        #expect((0..<steps).allSatisfy { schedule.rate($0) > 0 }, "\(shape), \(warmUp)")
        #expect(abs(schedule.rate(steps)) < 1e-17 && schedule.rate(.max) == schedule.rate(steps))
      }
    }
  }

  /// The reversal of short sequences is learned by an encoder and decoder with attention, and written.
  @Test func reversal() throws {
    let (length, symbols, count) = (4, 5, 48)
    let model = try Model<Float>(
      .encoderDecoder(
        input: .tokens(vocabulary: symbols, embeddingSize: 12),
        encoder: .init(.gru, hiddenSize: 24, bidirectional: true),
        vocabulary: symbols + 2, embeddingSize: 12, decoder: .init(.gru, hiddenSize: 32), attention: .general))
    try model.initialize(seed: 1)
    let (start, end) = (symbols, symbols + 1)
    let trainer = try Trainer(model, TrainerSettings(rate: 0.01, clipNorm: 1))
    var random = Random(state: 3)
    func sequences() -> [[Int]] { (0..<count).map { _ in (0..<length).map { _ in random.int(symbols) } } }
    func withBatch<Result>(_ sequences: [[Int]], _ body: (ModelBatch<Float>) throws -> Result) throws -> Result {
      var batch = ModelBatch<Float>(steps: length, sequences: sequences.count)
      batch.targetSteps = length + 1
      var (ids, targets, read): ([Int], [Int], [Int]) = ([], [], [])
      for t in 0...length {
        for own in sequences {
          if t < length { ids.append(own[t]) }
          targets.append(t < length ? own[length - 1 - t] : end)
          read.append(t == 0 ? start : own[length - t])
        }
      }
      return try ids.withUnsafeBufferPointer { ids in
        try targets.withUnsafeBufferPointer { targets in
          try read.withUnsafeBufferPointer { read in
            (batch.ids, batch.targets, batch.decoderIDs) = (ids, targets, read)
            return try body(batch)
          }
        }
      }
    }
    for _ in 0..<400 {
      _ = try withBatch(sequences()) { try trainer.step($0) }
    }
    let fresh = sequences()
    for beams in [1, 3] {
      let written = try withBatch(fresh) {
        try model.generate($0, GenerationOptions(length: 8, start: start, end: end, beams: beams))
      }
      let right = zip(written, fresh).filter { $0[0].tokens == $1.reversed() + [end] }.count
      #expect(right >= count * 95 / 100, "\(beams) beams: \(right) of \(count)")
    }
  }
}
