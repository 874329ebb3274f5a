// From the last states of an encoder, or from a vector, to the states that a decoder starts with.
import SwiftRNN

/// One linear layer for each state of each of the decoder's layers; through tanh for h, whose numbers are outputs of a
/// cell, and as it is for other states, such as c of the LSTM.
///
/// Layer l of the decoder reads layer l of the encoder, or the encoder's last one: all directions of the state, side by
/// side. Where encoder and decoder agree in layers, directions and widths, and in their states, there is no bridge: the
/// decoder starts with the encoder's states, as in Sutskever, Vinyals, Le 2014.
final class BridgePart<Scalar: RNNScalar> {
  private struct Join {
    let weight: Parameter<Scalar>
    let bias: Parameter<Scalar>
    let source: Int
    let sourceLayer: Int
    let state: Int
    let layer: Int
    let inputs: Int
    let outputs: Int
  }

  private let encoder: Network<Scalar>?
  private let decoder: Network<Scalar>
  private let joins: [Join]
  private let (rows, results, gradients) = (Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>())

  /// Whether the decoder can start with the encoder's states as they are.
  static func agrees(_ encoder: Network<Scalar>, _ decoder: Network<Scalar>) throws(RNNError) -> Bool {
    let (a, b) = (encoder.configuration, decoder.configuration)
    guard !a.bidirectional, a.layers == b.layers, encoder.states.count == decoder.states.count else { return false }
    return zip(encoder.states, decoder.states).allSatisfy { $0.width == $1.width }
  }

  private static func shapes(
    _ encoder: Network<Scalar>?, vectorSize: Int, _ decoder: Network<Scalar>
  ) throws(RNNError) -> [(
    name: String, source: Int, sourceLayer: Int, state: Int, layer: Int, inputs: Int, outputs: Int
  )] {
    var shapes: [(name: String, source: Int, sourceLayer: Int, state: Int, layer: Int, inputs: Int, outputs: Int)] = []
    for layer in 0..<decoder.configuration.layers {
      for (number, state) in decoder.states.enumerated() {
        var (source, sourceLayer, inputs) = (0, 0, vectorSize)
        if let encoder {
          source = min(number, encoder.states.count - 1)
          sourceLayer = min(layer, encoder.configuration.layers - 1)
          guard source >= 0 else {
            throw .unsupported("the encoder's cell has no state that a decoder could start with")
          }
          inputs = encoder.states[source].width * encoder.configuration.directions
        }
        shapes.append(("\(state.name)_l\(layer)", source, sourceLayer, number, layer, inputs, state.width))
      }
    }
    return shapes
  }

  static func add(
    _ encoder: Network<Scalar>?, vectorSize: Int, _ decoder: Network<Scalar>, to list: inout ParameterList
  ) throws(RNNError) {
    for shape in try shapes(encoder, vectorSize: vectorSize, decoder) {
      try list.add(
        "bridge", [("weight_\(shape.name)", [shape.outputs, shape.inputs]), ("bias_\(shape.name)", [shape.outputs])])
    }
  }

  init(
    _ encoder: Network<Scalar>?, vectorSize: Int, _ decoder: Network<Scalar>, _ store: ParameterStore<Scalar>
  ) throws(RNNError) {
    (self.encoder, self.decoder) = (encoder, decoder)
    var joins: [Join] = []
    for shape in try Self.shapes(encoder, vectorSize: vectorSize, decoder) {
      joins.append(
        Join(
          weight: try Parameter(store, "bridge.weight_\(shape.name)"),
          bias: try Parameter(store, "bridge.bias_\(shape.name)"), source: shape.source,
          sourceLayer: shape.sourceLayer, state: shape.state, layer: shape.layer, inputs: shape.inputs,
          outputs: shape.outputs))
    }
    self.joins = joins
  }

  private func inputCount(_ sequences: Int) throws(RNNError) -> Int {
    var count = 0
    for join in joins { count += try Sizes.product(sequences, join.inputs, name: "the bridge") }
    return count
  }

  private func outputCount(_ sequences: Int) throws(RNNError) -> Int {
    var count = 0
    for join in joins { count += try Sizes.product(sequences, join.outputs, name: "the bridge") }
    return count
  }

  /// - Parameters:
  ///   - states: the encoder's last ones; or
  ///   - vector: `[N, vectorSize]`
  ///   - initial: receives the decoder's first states.
  func forward(
    sequences: Int, states: States<Scalar>, vector: UnsafePointer<Scalar>?, initial: States<Scalar>
  ) throws(RNNError) {
    let (inputs, outputs) = (try rows.take(inputCount(sequences)), try results.take(outputCount(sequences)))
    var (from, to) = (0, 0)
    for join in joins {
      let x = inputs.part(from..<from + sequences * join.inputs)
      let y = outputs.part(to..<to + sequences * join.outputs)
      from += x.count
      to += y.count
      gather(join, states, vector, sequences, into: x)
      try Linear.forward(
        rows: sequences, inputs: join.inputs, outputs: join.outputs, x: x.constant, weight: join.weight.values,
        bias: join.bias.values, y: y)
      if join.state == 0 { try Activation.tanh(y) }
      guard let target = initial[join.state], let start = y.baseAddress else { continue }
      (target + join.layer * y.count).update(from: start, count: y.count)
    }
  }

  /// Rows `[N, inputs]` of what a join reads.
  private func gather(
    _ join: Join, _ states: States<Scalar>, _ vector: UnsafePointer<Scalar>?, _ sequences: Int,
    into x: UnsafeMutableBufferPointer<Scalar>
  ) {
    guard let to = x.baseAddress else { return }
    guard let encoder else {
      if let vector { to.update(from: vector, count: x.count) }
      return
    }
    guard let state = states[join.source] else { return }
    let directions = encoder.configuration.directions
    let width = join.inputs / directions
    for direction in 0..<directions {
      let from = state + (join.sourceLayer * directions + direction) * sequences * width
      for n in 0..<sequences { (to + n * join.inputs + direction * width).update(from: from + n * width, count: width) }
    }
  }

  /// The gradients of the last forward pass; those of parameters are written.
  ///
  /// - Parameters:
  ///   - initialGradients: of the decoder's first states; are changed.
  ///   - stateGradients: receive the gradients of the encoder's last states; they are zeros before.
  ///   - dVector: `[N, vectorSize]`, zeros before; nil: not wanted.
  func backward(
    sequences: Int, initialGradients: States<Scalar>, stateGradients: States<Scalar>,
    dVector: UnsafeMutableBufferPointer<Scalar>?
  ) throws(RNNError) {
    let (inputs, outputs) = (try rows.take(inputCount(sequences)), try results.take(outputCount(sequences)))
    var (from, to) = (0, 0)
    for join in joins {
      let x = inputs.part(from..<from + sequences * join.inputs)
      let y = outputs.part(to..<to + sequences * join.outputs)
      from += x.count
      to += y.count
      guard let start = initialGradients[join.state] else { continue }
      let dy = UnsafeMutableBufferPointer(start: start + join.layer * y.count, count: y.count)
      if join.state == 0 { try Activation.tanhGradient(dy, y: y.constant) }
      let dx = try gradients.take(x.count)
      try Linear.backward(
        rows: sequences, inputs: join.inputs, outputs: join.outputs, x: x.constant, weight: join.weight.values,
        dy: dy.constant, accumulate: false, dx: dx, dweight: join.weight.gradient, dbias: join.bias.gradient)
      scatter(join, dx.constant, sequences, stateGradients, dVector)
    }
  }

  private func scatter(
    _ join: Join, _ dx: UnsafeBufferPointer<Scalar>, _ sequences: Int, _ states: States<Scalar>,
    _ dVector: UnsafeMutableBufferPointer<Scalar>?
  ) {
    guard let encoder else {
      if let dVector { for i in 0..<dx.count { dVector[i] += dx[i] } }
      return
    }
    guard let state = states[join.source] else { return }
    let directions = encoder.configuration.directions
    let width = join.inputs / directions
    for direction in 0..<directions {
      let to = state + (join.sourceLayer * directions + direction) * sequences * width
      for n in 0..<sequences {
        for i in 0..<width { to[n * width + i] += dx[n * join.inputs + direction * width + i] }
      }
    }
  }
}
