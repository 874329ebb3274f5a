// What a text says, before anything is known about its names. The grammar stands in docs/cells.md.

/// An expression as it was written: its parts in the order in which they can be computed, each behind those that it is
/// made of, and itself the last one. Numbers stand for parts: a tree of values would be walked, and given back, by
/// recursion, on the stack of whoever brings a text.
struct Expression {
  enum Kind {
    case number(Double)
    /// A name as it is: a previous state, an input, a parameter, what an equation gives.
    case name(String)
    /// `h'`
    case next(String)
    /// `h[k]`, k from 1
    case child(String, Int)
    case call(String, [Argument])
    /// Terms with their signs; true: subtracted.
    case sum([(isNegative: Bool, part: Int)])
    /// Factors; true: divided by.
    case factors([(isDivisor: Bool, part: Int)])
    case negated(Int)
    /// `left @ right`
    case product(Int, Int)
  }

  enum Comparison: String {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
  }

  enum Argument {
    case value(Int)
    case comparison(Int, Comparison, Int)
    case perSequence(CellPlace)
  }

  struct Part {
    let kind: Kind
    let place: CellPlace
  }

  private(set) var parts: [Part] = []

  /// The number of the whole.
  var whole: Int { parts.count - 1 }

  /// - Returns: its number.
  mutating func append(_ kind: Kind, _ place: CellPlace) -> Int {
    parts.append(Part(kind: kind, place: place))
    return parts.count - 1
  }
}

/// A size as it was written: `factor * name / divisor`; without a name a number.
struct SizeTerm: Hashable, Sendable {
  var name: String?
  var factor: Int
  var divisor = 1

  init(_ name: String) { (self.name, factor) = (name, 1) }
  init(_ number: Int) { (name, factor) = (nil, number) }
  init(_ factor: Int, times name: String) { (self.name, self.factor) = (name, factor) }
  init(_ name: String, over divisor: Int) { (self.name, factor, self.divisor) = (name, 1, divisor) }
}

/// A name where it was written.
struct PlacedName {
  let name: String
  let place: CellPlace
}

/// What stands left of an equation: `c'`, or `i`.
struct Target {
  let name: String
  let isNext: Bool
  let place: CellPlace
}

struct Line {
  enum Kind {
    case size([PlacedName], SizeTerm)
    case input([PlacedName])
    case initial([PlacedName], Initializer.Distribution)
    case equation([Target], Expression)
  }

  let kind: Kind
}

/// A whole text.
struct CellSyntax {
  let like: PlacedName?
  let lines: [Line]
}
