import CSwiftRNN
import Reference
import SwiftRNN
import SwiftRNNC
import Testing

/// The C functions around a network: they give what the Swift calls give, and refuse what they must with a status, a
/// message with the numbers, and nothing written.
@Suite(.serialized) struct TrainingDoorTests {
  @Test func embedding() {
    let weight: [Float] = [0, 1, 2, 3, 4, 5]
    let ids: [Int64] = [2, 0, 2]
    var out = [Float](repeating: -7, count: 6)
    #expect(swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, weight, 3, ids, &out) == SWIFTRNN_STATUS_OK)
    #expect(out == [4, 5, 0, 1, 4, 5])
    var dweight: [Float] = [1, 1, 1, 1, 1, 1]
    #expect(swiftrnn_embedding_backward(SWIFTRNN_FLOAT32, 3, 2, 3, ids, weight, 1, &dweight) == SWIFTRNN_STATUS_OK)
    #expect(dweight == [3, 4, 1, 1, 5, 7])
    #expect(swiftrnn_embedding_backward(SWIFTRNN_FLOAT32, 3, 2, 3, ids, weight, 0, &dweight) == SWIFTRNN_STATUS_OK)
    #expect(dweight == [2, 3, 0, 0, 4, 6])
    #expect(swiftrnn_embedding_forward(SWIFTRNN_FLOAT64, 0, 0, nil, 0, nil, nil) == SWIFTRNN_STATUS_OK)
    #expect(swiftrnn_embedding_backward(SWIFTRNN_FLOAT64, 0, 9, 0, nil, nil, 0, nil) == SWIFTRNN_STATUS_OK)

    out = [Float](repeating: -7, count: 6)
    let untouched = (out, dweight)
    let bad: [Int64] = [2, 3, 0]
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, weight, 3, bad, &out), SWIFTRNN_STATUS_INVALID_VALUE,
      "ids[1] is 3, must be in 0...2")
    refused(
      swiftrnn_embedding_backward(SWIFTRNN_FLOAT32, 3, 2, 3, bad, weight, 0, &dweight), SWIFTRNN_STATUS_INVALID_VALUE,
      "ids[1] is 3, must be in 0...2")
    refused(
      swiftrnn_embedding_backward(SWIFTRNN_FLOAT32, 3, 2, 3, [0, .min, 0], weight, 0, &dweight),
      SWIFTRNN_STATUS_INVALID_VALUE, "ids[1] is -9223372036854775808, must be in 0...2")
    refused(
      swiftrnn_embedding_backward(SWIFTRNN_FLOAT32, 3, 2, 3, ids, weight, 2, &dweight), SWIFTRNN_STATUS_INVALID_VALUE,
      "accumulate is 2, must be in 0...1")
    refused(
      swiftrnn_embedding_forward(swiftrnn_dtype(rawValue: 7), 3, 2, weight, 3, ids, &out),
      SWIFTRNN_STATUS_INVALID_VALUE, "dtype is 7, must be in 0...1")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, -3, 2, weight, 3, ids, &out), SWIFTRNN_STATUS_INVALID_SIZE,
      "vocabulary is -3, must be 0 or more")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, .min, weight, 3, ids, &out), SWIFTRNN_STATUS_INVALID_SIZE,
      "width is -9223372036854775808, must be 0 or more")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, weight, -1, ids, &out), SWIFTRNN_STATUS_INVALID_SIZE,
      "count is -1, must be 0 or more")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, .max, 2, weight, 3, ids, &out), SWIFTRNN_STATUS_OVERFLOW,
      "weight has more bytes than a 64-bit number can count")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT64, 1 << 60, 1, weight, 3, ids, &out), SWIFTRNN_STATUS_OVERFLOW,
      "weight has more bytes than a 64-bit number can count")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, nil, 3, ids, &out), SWIFTRNN_STATUS_NULL_POINTER,
      "weight must not be NULL")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, weight, 3, nil, &out), SWIFTRNN_STATUS_NULL_POINTER,
      "ids must not be NULL")
    refused(
      swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 3, 2, weight, 3, ids, nil), SWIFTRNN_STATUS_NULL_POINTER,
      "out must not be NULL")
    weight.withUnsafeBytes { bytes in
      refused(
        swiftrnn_embedding_forward(SWIFTRNN_FLOAT32, 1, 2, bytes.baseAddress.map { $0 + 1 }, 3, ids, &out),
        SWIFTRNN_STATUS_MISALIGNED, "weight must be aligned to 4 bytes")
    }
    #expect(out == untouched.0 && dweight == untouched.1)
  }

  @Test func crossEntropy() throws {
    let logits: [Double] = [1, 2, 3, 0.5, -1, 4]
    let targets: [Int64] = [0, -9]
    var (losses, gradient) = ([Double](repeating: -7, count: 2), [Double](repeating: -7, count: 6))
    var (loss, perplexity, count) = (-7.0, -7.0, Int64(-7))
    #expect(
      swiftrnn_cross_entropy(
        SWIFTRNN_FLOAT64, 2, 3, logits, targets, -9, &losses, &gradient, &loss, &perplexity, &count)
        == SWIFTRNN_STATUS_OK)
    let expected = try SwiftRNNTests.crossEntropy(logits, classes: 3, targets: [0, -9], ignoring: -9)
    #expect(losses == expected.losses && gradient == expected.gradient)
    #expect(loss == expected.result.loss && perplexity == expected.result.perplexity && count == 1)
    #expect(
      swiftrnn_cross_entropy(SWIFTRNN_FLOAT64, 2, 3, logits, targets, -9, nil, nil, nil, nil, nil)
        == SWIFTRNN_STATUS_OK)
    #expect(
      swiftrnn_cross_entropy(SWIFTRNN_FLOAT32, 0, 0, nil, nil, 0, nil, nil, &loss, &perplexity, &count)
        == SWIFTRNN_STATUS_OK)
    #expect(loss == 0 && perplexity == 1 && count == 0)

    losses = [-7, -7]
    gradient = [Double](repeating: -7, count: 6)
    func call(
      _ logits: UnsafeRawPointer?, _ targets: [Int64]?, rows: Int64 = 2, classes: Int64 = 3
    ) -> swiftrnn_status {
      let wanted = targets ?? []
      return wanted.withUnsafeBufferPointer {
        swiftrnn_cross_entropy(
          SWIFTRNN_FLOAT64, rows, classes, logits, targets == nil ? nil : $0.baseAddress, -9, &losses, &gradient, &loss,
          &perplexity, &count)
      }
    }
    logits.withUnsafeBytes { bytes in
      let x = bytes.baseAddress
      refused(call(x, [0, 3]), SWIFTRNN_STATUS_INVALID_VALUE, "targets[1] is 3, must be in 0...2")
      refused(call(x, [-1, 0]), SWIFTRNN_STATUS_INVALID_VALUE, "targets[0] is -1, must be in 0...2")
      refused(call(x, [0, 0], rows: -2), SWIFTRNN_STATUS_INVALID_SIZE, "rows is -2, must be 0 or more")
      refused(call(x, [0, 0], classes: -3), SWIFTRNN_STATUS_INVALID_SIZE, "classes is -3, must be 0 or more")
      refused(
        call(x, [0, 0], rows: 1 << 33, classes: 1 << 33), SWIFTRNN_STATUS_OVERFLOW,
        "logits has more bytes than a 64-bit number can count")
      refused(call(nil, [0, 0]), SWIFTRNN_STATUS_NULL_POINTER, "logits must not be NULL")
      refused(call(x, nil), SWIFTRNN_STATUS_NULL_POINTER, "targets must not be NULL")
      refused(
        call(x.map { $0 + 4 }, [0, 0], classes: 2), SWIFTRNN_STATUS_MISALIGNED, "logits must be aligned to 8 bytes")
    }
    #expect(losses == [-7, -7] && gradient == [Double](repeating: -7, count: 6))
    #expect(loss == 0 && perplexity == 1 && count == 0)
  }

  @Test func clipping() {
    var (a, b): ([Float], [Float]) = ([3, 0], [-4])
    var norm = -7.0
    a.withUnsafeMutableBytes { a in
      b.withUnsafeMutableBytes { b in
        let gradients = [a.baseAddress, nil, b.baseAddress]
        func call(_ count: Int64, _ elements: [Int64], _ limit: Double) -> swiftrnn_status {
          swiftrnn_clip_gradients(SWIFTRNN_FLOAT32, count, gradients, elements, limit, &norm)
        }
        refused(call(-1, [2, 5, 1], 1), SWIFTRNN_STATUS_INVALID_SIZE, "tensor_count is -1, must be 0 or more")
        refused(
          call(3, [2, -5, 1], 1), SWIFTRNN_STATUS_INVALID_SIZE, "an entry of elements is -5, must be 0 or more")
        refused(call(3, [2, 5, 1], .nan), SWIFTRNN_STATUS_INVALID_VALUE, "max_norm is NaN, must be above 0")
        refused(call(3, [2, 5, 1], -0.5), SWIFTRNN_STATUS_INVALID_VALUE, "max_norm is -0.5, must be above 0")
        refused(
          call(3, [.max, 5, 1], 1), SWIFTRNN_STATUS_OVERFLOW,
          "a gradient has more bytes than a 64-bit number can count")
        refused(
          swiftrnn_clip_gradients(SWIFTRNN_FLOAT32, 3, nil, [1, 1, 1], 1, &norm), SWIFTRNN_STATUS_NULL_POINTER,
          "gradients must not be NULL")
        refused(
          swiftrnn_clip_gradients(SWIFTRNN_FLOAT32, 3, gradients, nil, 1, &norm), SWIFTRNN_STATUS_NULL_POINTER,
          "elements must not be NULL")
        #expect(norm == -7)
        #expect(call(3, [2, 5, 1], .infinity) == SWIFTRNN_STATUS_OK)
        #expect(norm == 5)
        #expect(swiftrnn_clip_gradients(SWIFTRNN_FLOAT32, 3, gradients, [2, 5, 1], 2.5, nil) == SWIFTRNN_STATUS_OK)
        #expect(swiftrnn_clip_gradients(SWIFTRNN_FLOAT64, 0, nil, nil, 1, &norm) == SWIFTRNN_STATUS_OK)
        #expect(norm == 0)
      }
    }
    #expect(a == [1.5, 0] && b == [-2])
  }

  @Test func sgd() throws {
    let g: [Float] = [1, 2, 3]
    var (p, v): ([Float], [Float]) = ([0.5, 0.5, 0.5], [1, 1, 1])
    var (expected, speed) = (p, v)
    try sgdStep(SGD(rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true), g, &expected, &speed)
    #expect(swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 0.1, 0.9, 0.01, 1, g, &p, &v) == SWIFTRNN_STATUS_OK)
    #expect(p == expected && v == speed)
    #expect(swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 0, 0.1, 0.9, 0.01, 1, nil, nil, nil) == SWIFTRNN_STATUS_OK)
    #expect(swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 0, 0, 0, 0, g, &p, nil) == SWIFTRNN_STATUS_OK)

    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 0.1, 0.9, 0, 0, g, &p, nil), SWIFTRNN_STATUS_NULL_POINTER,
      "velocity, where momentum is not 0, must not be NULL")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, .nan, 0.9, 0, 0, g, &p, &v), SWIFTRNN_STATUS_INVALID_VALUE,
      "rate is NaN, must be a finite number that is 0 or more")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 1, -0.25, 0, 0, g, &p, &v), SWIFTRNN_STATUS_INVALID_VALUE,
      "momentum is -0.25, must be a finite number that is 0 or more")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 1, 0, .infinity, 0, g, &p, &v), SWIFTRNN_STATUS_INVALID_VALUE,
      "weight_decay is infinity, must be a finite number that is 0 or more")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 1, 0, 0, -1, g, &p, &v), SWIFTRNN_STATUS_INVALID_VALUE,
      "nesterov is -1, must be in 0...1")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, -3, 1, 0, 0, 0, g, &p, &v), SWIFTRNN_STATUS_INVALID_SIZE,
      "elements is -3, must be 0 or more")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 1, 0, 0, 0, nil, &p, &v), SWIFTRNN_STATUS_NULL_POINTER,
      "gradient must not be NULL")
    refused(
      swiftrnn_sgd_step(SWIFTRNN_FLOAT32, 3, 1, 0, 0, 0, g, nil, &v), SWIFTRNN_STATUS_NULL_POINTER,
      "parameter must not be NULL")
    #expect(p == expected && v == speed)
  }

  @Test func adam() throws {
    let g = [1.0, -2, 3]
    var (p, m, v) = ([0.5, 0.5, 0.5], [0.0, 0, 0], [0.0, 0, 0])
    var (expected, first, second) = (p, m, v)
    try adamStep(Adam(rate: 0.1, weightDecay: 0.01, decoupled: true), 1, g, &expected, &first, &second)
    let good = swiftrnn_adam_config(
      size: Int64(MemoryLayout<swiftrnn_adam_config>.size), rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8,
      weight_decay: 0.01, decoupled: 1, reserved: 0)
    func call(_ step: Int64 = 1, _ change: (inout swiftrnn_adam_config) -> Void = { _ in }) -> swiftrnn_status {
      var config = good
      change(&config)
      return swiftrnn_adam_step(SWIFTRNN_FLOAT64, &config, step, 3, g, &p, &m, &v)
    }
    #expect(call() == SWIFTRNN_STATUS_OK)
    #expect(p == expected && m == first && v == second)

    refused(call(0), SWIFTRNN_STATUS_INVALID_VALUE, "step is 0, must be 1 or more")
    refused(call { $0.beta1 = 1 }, SWIFTRNN_STATUS_INVALID_VALUE, "beta1 is 1, must be in [0, 1)")
    refused(call { $0.beta2 = .nan }, SWIFTRNN_STATUS_INVALID_VALUE, "beta2 is NaN, must be in [0, 1)")
    refused(
      call { $0.epsilon = -1 }, SWIFTRNN_STATUS_INVALID_VALUE,
      "epsilon is -1, must be a finite number that is 0 or more")
    refused(call { $0.decoupled = 2 }, SWIFTRNN_STATUS_INVALID_VALUE, "decoupled is 2, must be in 0...1")
    refused(call { $0.reserved = 1 }, SWIFTRNN_STATUS_INVALID_VALUE, "reserved is 1, must be 0")
    refused(call { $0.size = 8 }, SWIFTRNN_STATUS_INVALID_SIZE, "size of the struct is 8, must be in 56...65536")
    refused(
      call { $0.size = .min }, SWIFTRNN_STATUS_INVALID_SIZE,
      "size of the struct is -9223372036854775808, must be in 56...65536")
    refused(
      swiftrnn_adam_step(SWIFTRNN_FLOAT64, nil, 1, 3, g, &p, &m, &v), SWIFTRNN_STATUS_NULL_POINTER,
      "config must not be NULL")
    var config = good
    refused(
      swiftrnn_adam_step(SWIFTRNN_FLOAT64, &config, 1, 3, g, &p, nil, &v), SWIFTRNN_STATUS_NULL_POINTER,
      "first must not be NULL")
    refused(
      swiftrnn_adam_step(SWIFTRNN_FLOAT64, &config, 1, 3, g, &p, &m, nil), SWIFTRNN_STATUS_NULL_POINTER,
      "second must not be NULL")
    #expect(p == expected && m == first && v == second)
  }

  /// A struct of a newer header: fine while what this library does not know is zero.
  @Test func settingsOfANewerHeader() {
    let known = MemoryLayout<swiftrnn_sample_config>.size
    var words = [UInt64](repeating: 0, count: known / 8 + 2)
    words[0] = UInt64(known + 16)
    var id: Int64 = -7
    words.withUnsafeMutableBytes { bytes in
      let config = bytes.baseAddress?.assumingMemoryBound(to: swiftrnn_sample_config.self)
      #expect(
        swiftrnn_sample(SWIFTRNN_FLOAT32, config, 1, 3, [Float](arrayLiteral: 1, 5, 2), &id) == SWIFTRNN_STATUS_OK)
      #expect(id == 1)
      bytes[known + 15] = 1
      id = -7
      refused(
        swiftrnn_sample(SWIFTRNN_FLOAT32, config, 1, 3, [Float](arrayLiteral: 1, 5, 2), &id), SWIFTRNN_STATUS_MISMATCH,
        "the struct is of a newer header and sets what this library does not know")
      #expect(id == -7)
    }
  }

  @Test func sampling() throws {
    var random = SplitMix(30)
    let logits: [Float] = random.numbers(4 * 11)
    var ids = [Int64](repeating: -7, count: 4)
    let good = swiftrnn_sample_config(
      size: Int64(MemoryLayout<swiftrnn_sample_config>.size), temperature: 0.8, top_k: 5, top_p: 0.9, seed: 3,
      position: 12, seeded: 1, reserved: 0)
    func call(
      _ rows: Int64 = 4, _ classes: Int64 = 11, _ change: (inout swiftrnn_sample_config) -> Void = { _ in }
    ) -> swiftrnn_status {
      var config = good
      change(&config)
      return swiftrnn_sample(SWIFTRNN_FLOAT32, &config, rows, classes, logits, &ids)
    }
    #expect(call() == SWIFTRNN_STATUS_OK)
    let sampler = Sampler(temperature: 0.8, topK: 5, topP: 0.9, seed: 3)
    #expect(ids.map { Int($0) } == (try sample(sampler, logits, classes: 11, position: 12)))

    ids = [-7, -7, -7, -7]
    refused(call { $0.seeded = 0 }, SWIFTRNN_STATUS_INVALID_VALUE, "seed is 3, must be 0 unless seeded is 1")
    refused(
      call { ($0.seeded, $0.seed) = (0, 0) }, SWIFTRNN_STATUS_INVALID_VALUE,
      "position is 12, must be 0 unless seeded is 1")
    refused(call { $0.seeded = 2 }, SWIFTRNN_STATUS_INVALID_VALUE, "seeded is 2, must be in 0...1")
    refused(call { $0.reserved = 7 }, SWIFTRNN_STATUS_INVALID_VALUE, "reserved is 7, must be 0")
    refused(call { $0.top_k = -1 }, SWIFTRNN_STATUS_INVALID_VALUE, "top_k is -1, must be 0 or more")
    refused(call { $0.top_p = 1.5 }, SWIFTRNN_STATUS_INVALID_VALUE, "top_p is 1.5, must be in 0...1")
    refused(
      call { $0.temperature = .nan }, SWIFTRNN_STATUS_INVALID_VALUE,
      "temperature is NaN, must be a finite number that is 0 or more")
    refused(call { $0.size = 0 }, SWIFTRNN_STATUS_INVALID_SIZE, "size of the struct is 0, must be in 56...65536")
    refused(call(4, 0), SWIFTRNN_STATUS_INVALID_SIZE, "classes is 0, must be 1 or more")
    refused(call(-4), SWIFTRNN_STATUS_INVALID_SIZE, "rows is -4, must be 0 or more")
    refused(
      call(1 << 40, 1 << 40), SWIFTRNN_STATUS_OVERFLOW, "logits has more bytes than a 64-bit number can count")
    var config = good
    refused(
      swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, 2, [Float](arrayLiteral: 0, .nan), &ids),
      SWIFTRNN_STATUS_INVALID_VALUE, "logits[0] has NaN, must be finite or -infinity, and not all -infinity")
    refused(
      swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, 2, nil, &ids), SWIFTRNN_STATUS_NULL_POINTER,
      "logits must not be NULL")
    refused(
      swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, 2, logits, nil), SWIFTRNN_STATUS_NULL_POINTER,
      "out_ids must not be NULL")
    #expect(ids == [-7, -7, -7, -7])
    #expect(call(0, 0) == SWIFTRNN_STATUS_OK)
  }
}
