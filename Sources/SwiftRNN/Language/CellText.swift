// A cell as its equations say it: from the text to the graph with its sizes and phases, once.

/// A cell that is made of equations. Immutable: threads may share it.
final class CellText: Sendable {
  let graph: CellGraph
  let sizes: CellSizes
  let phases: CellPhases
  let backward: CellBackward

  /// - Parameter text: in the language of docs/cells.md; any bytes at all.
  convenience init(_ text: String) throws(CellError) { try self.init(bytes: Array(text.utf8)) }

  init(bytes: [UInt8]) throws(CellError) {
    let definition = try CellDefinition(
      CellSource(bytes), builtIn: { BuiltInCells.text($0) }, names: { BuiltInCells.names })
    let written = try CellBuilder.build(definition)
    // Whether all sizes can be told is asked of the graph as it was written: messages are about that.
    _ = try CellSizes(written)
    graph = try CellNormalForm.of(written)
    sizes = try CellSizes(graph)
    phases = CellPhases(graph)
    backward = try CellBackward(graph, phases)
  }

  /// A cell of the library, with some of its names assigned other numbers: `like` it, with these as equations.
  convenience init(named name: String, numbers: [(String, Double)] = []) throws(CellError) {
    let lines = numbers.map { "\($0.0) = \($0.1)" }
    try self.init((["like \(name)"] + lines).joined(separator: "\n"))
  }
}
