// A recurrent network within a model, over the nodes of trees.
import SwiftRNN

extension NetworkPart {
  /// All nodes, from the leaves up.
  ///
  /// - Parameters:
  ///   - x: `[M, I]`; the backward pass reads it again.
  ///   - seed: of dropout masks and those of the cell; nil: inference, no backward pass follows.
  ///   - firstNode: added to a node's index in the masks.
  /// - Returns: y, `[M, outputSize]`, in memory of this part, until its next pass.
  func forward(
    _ forest: Forest, x: UnsafePointer<Scalar>?, seed: UInt64?, firstNode: Int
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    lastForest = nil
    let y = try output.take(Sizes.product(forest.nodeCount, outputSize, name: "y"))
    var forward = Network<Scalar>.ForestForward()
    (forward.x, forward.y) = (x, y.baseAddress)
    let memory = try workspace.take(network.forestWorkspaceSize(.forward, forest))
    (forward.workspace, forward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    if let seed {
      let memory = try tape.take(network.forestTapeSize(forest))
      (forward.tape, forward.tapeBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
      (forward.seed, forward.firstNode) = (seed, firstNode)
    }
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      forward.parameters = pointers
      try network.forward(forest, forward)
    }
    if seed != nil { lastForest = (forward, forest) }
    return y
  }

  /// The gradients of the last forward pass over trees for training: those of the parameters are written, not added.
  ///
  /// - Parameters:
  ///   - dy: `[M, outputSize]`
  ///   - dx: `[M, I]`; nil: not wanted.
  func backward(dy: UnsafePointer<Scalar>?, dx: UnsafeMutablePointer<Scalar>?) throws(RNNError) {
    guard let (forward, forest) = lastForest else {
      throw .mismatch("a backward pass follows a forward pass for training")
    }
    var backward = Network<Scalar>.ForestBackward()
    (backward.x, backward.dy, backward.dx) = (forward.x, dy, dx)
    (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(forward.tape), forward.tapeBytes)
    let memory = try workspace.take(network.forestWorkspaceSize(.backward, forest))
    (backward.workspace, backward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try gradients.withUnsafeBufferPointer { (targets) throws(RNNError) in
        (backward.parameters, backward.gradients) = (pointers, targets)
        try network.backward(forest, backward)
      }
    }
  }
}
