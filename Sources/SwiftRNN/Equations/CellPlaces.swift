// Where the values of a cell's programs lie: places, each a set of rows, and columns in them. A place is an entry of the
// table that vector instructions are run with.

/// Entries of the table of rows. Rows are whole vectors in memory of our own; `isDense` ones belong to others, and
/// nothing behind their columns is touched.
enum Place {
  /// Rows of a tile, used again and again.
  static let slots = 0
  /// One row: parameters, and what is computed from them alone.
  static let prepared = 1
  /// A row for each sequence: what later stages of a step read.
  static let kept = 2
  /// A row for each step and sequence of a block: what is computed before the steps.
  static let ahead = 3
  /// What a forward pass leaves for its backward pass.
  static let tape = 4
  /// The layer's output, and its copy for the caller.
  static let output = 5
  static let copy = 6
  /// dL/dy.
  static let dy = 7
  /// A row for each step and sequence of the batch: what the gradients of weights and inputs are made of.
  static let gradients = 8
  /// A row for each sequence: sums over its steps, of which only the sum over all rows is wanted.
  static let totals = 9

  /// x is the first input.
  static func input(_ number: Int) -> Int { 10 + number }
  /// A state before the step, and after it.
  static func previous(_ state: Int) -> Int { input(mostInputs) + state }
  static func next(_ state: Int) -> Int { previous(mostStates) + state }
  /// Of a backward step: what reaches the state after the step from later ones, and what it hands to earlier ones.
  static func arriving(_ state: Int) -> Int { previous(state) + 2 * mostStates }
  static func leaving(_ state: Int) -> Int { previous(state) + 3 * mostStates }
  /// Of a backward step: the state before the step, as the forward pass left it.
  static func before(_ state: Int) -> Int { previous(state) + 4 * mostStates }

  // Of trees.

  /// A row for each child: what later stages read, and what gradients are made of.
  static let childKept = previous(5 * mostStates)
  static let childGradients = childKept + 1
  /// What a forward pass leaves of each child.
  static let childTape = childKept + 2
  /// How many children a node has: one number.
  static let childCount = childKept + 3
  /// The state of one of the children by its number, and what reaches it.
  static func child(_ number: Int) -> Int { childKept + 4 + number }
  static func childLeaving(_ number: Int) -> Int { child(number) + mostChildStates }
  /// Values such as `h[2]` of a cell at most.
  static let mostChildStates = 32

  /// Whether the rows of a place are those of children.
  static func isOfChildren(_ place: Int) -> Bool {
    place == childKept || place == childGradients || place == childTape
      || (leaving(0)..<leaving(mostStates)).contains(place)
  }

  /// Inputs and states of a cell at most.
  static let mostInputs = 16
  static let mostStates = 16
  static let count = childKept + 4 + 2 * mostChildStates

  /// Whether rows of a place are the caller's, or the tape's.
  static func isDense(_ place: Int) -> Bool {
    switch place {
    case tape, output, copy, dy: true
    case childTape, childCount: true
    case child(0)..<child(mostChildStates): true
    default:
      (input(0)..<input(mostInputs)).contains(place) || (before(0)..<before(mostStates)).contains(place)
    }
  }
}

/// Columns of a place's rows, from `column` on.
struct Location: Hashable, Sendable {
  var place: Int
  var column: Int

  init(_ place: Int, _ column: Int = 0) { (self.place, self.column) = (place, column) }
}
