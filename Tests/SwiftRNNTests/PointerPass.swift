import SwiftRNN

/// The passes on pointers, as the C library calls them: for what tensors can't say, such as strides.
struct PointerPass<Scalar: TrainingScalar> {
  let run: NetworkCase<Scalar>

  init(_ run: NetworkCase<Scalar>) { self.run = run }

  /// The gradients' flat vector as bits, once for each backward pass.
  ///
  /// - Parameters:
  ///   - wanted: for each backward pass which gradients of parameters are; the others are nil. nil: all.
  ///   - start: what the gradients hold before; nil: NaN, not accumulated.
  func run(
    x: Tensor<Scalar>, xStrides: (Int, Int), y: Tensor<Scalar>, dy: Tensor<Scalar>, yStrides: (Int, Int),
    dx: Tensor<Scalar>?, wanted: [[Bool]?] = [nil], start: Tensor<Scalar>? = nil, dState: Bool = true
  ) throws -> [[UInt64]] {
    let network = run.network
    let (steps, sequences) = (run.steps, run.sequences)
    let tape = try Memory(network.tapeSize(steps: steps, sequences: sequences))
    let workspace = try Memory(
      max(
        network.workspaceSize(.forward, steps: steps, sequences: sequences),
        network.workspaceSize(.backward, steps: steps, sequences: sequences)))
    let lengths = (run.lengths ?? Array(repeating: steps, count: sequences)).map { Int64($0) }
    var results: [[UInt64]] = []
    try run.parameters.flat.withUnsafeBufferPointer { flat in
      let parameters = pointers(UnsafeMutablePointer(mutating: flat.baseAddress))
      defer { parameters.deallocate() }
      try lengths.withUnsafeBufferPointer { lengths in
        var forward = Network<Scalar>.Forward(steps: steps, sequences: sequences)
        forward.x = x.address
        (forward.xStepStride, forward.xSequenceStride) = xStrides
        forward.y = UnsafeMutablePointer(mutating: y.address)
        (forward.yStepStride, forward.ySequenceStride) = yStrides
        forward.lengths = lengths.baseAddress
        forward.initial = run.state?.addresses ?? States()
        forward.parameters = UnsafeBufferPointer(
          start: UnsafeRawPointer(parameters.baseAddress)?.assumingMemoryBound(to: UnsafeRawPointer?.self),
          count: parameters.count)
        forward.tape = tape.start
        forward.tapeBytes = tape.count
        forward.workspace = workspace.start
        forward.workspaceBytes = workspace.count
        forward.seed = run.seed
        try network.forward(forward)
        for wanted in wanted {
          let gradients = try Tensor<Scalar>(
            start?.elements ?? Array(repeating: .nan, count: network.flatCount), shape: [network.flatCount])
          let table = pointers(UnsafeMutablePointer(mutating: gradients.address))
          defer { table.deallocate() }
          for index in 0..<table.count where wanted?[index] == false { table[index] = nil }
          var backward = Network<Scalar>.Backward(steps: steps, sequences: sequences)
          backward.x = x.address
          (backward.xStepStride, backward.xSequenceStride) = xStrides
          backward.dy = dy.address
          (backward.dyStepStride, backward.dySequenceStride) = yStrides
          backward.dx = dx.flatMap { UnsafeMutablePointer(mutating: $0.address) }
          (backward.dxStepStride, backward.dxSequenceStride) = dx == nil ? (0, 0) : xStrides
          backward.lengths = lengths.baseAddress
          backward.initial = forward.initial
          if dState { backward.finalGradients = run.dState.addresses }
          backward.parameters = forward.parameters
          backward.gradients = UnsafeBufferPointer(table)
          backward.accumulate = start != nil
          backward.tape = UnsafeRawPointer(tape.start)
          backward.tapeBytes = tape.count
          backward.workspace = workspace.start
          backward.workspaceBytes = workspace.count
          try network.backward(backward)
          results.append(gradients.bits.numbers)
        }
      }
    }
    return results
  }

  private func pointers(
    _ flat: UnsafeMutablePointer<Scalar>?
  ) -> UnsafeMutableBufferPointer<UnsafeMutableRawPointer?> {
    let infos = run.parameters.infos
    let pointers = UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>.allocate(capacity: infos.count)
    for (index, info) in infos.enumerated() {
      pointers.initializeElement(at: index, to: UnsafeMutableRawPointer(flat.map { $0 + info.offset }))
    }
    return pointers
  }
}

/// Bytes at an odd multiple of 8: nothing may rely on more alignment than its elements have.
final class Memory {
  let start: UnsafeMutableRawPointer
  let count: Int
  private let base: UnsafeMutableRawPointer

  init(_ count: Int) {
    self.count = count
    base = UnsafeMutableRawPointer.allocate(byteCount: count + 64, alignment: 64)
    base.initializeMemory(as: UInt8.self, repeating: 0xff, count: count + 64)
    start = base + 8
  }

  deinit { base.deallocate() }
}

extension Tensor {
  /// Valid while the tensor lives.
  var address: UnsafePointer<Scalar>? { withUnsafeBufferPointer { $0.baseAddress } }
}

extension Network.State {
  var addresses: States<Scalar> {
    States(
      h: UnsafeMutablePointer(mutating: h.address), c: c.flatMap { UnsafeMutablePointer(mutating: $0.address) })
  }
}
