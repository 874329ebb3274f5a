// What stands right of `init`: a number, or a distribution that a parameter is drawn from.

enum FirstValues {
  /// Each word, what it is, and how many numbers stand behind it: at least, at most.
  private static let words: [(name: String, kind: Initializer.Distribution.Kind, least: Int, most: Int)] = [
    ("torch", .torch, 0, 0), ("uniform", .uniform, 2, 2), ("normal", .normal, 1, 1), ("chrono", .chrono, 1, 1),
    ("glorot_uniform", .glorotUniform, 0, 1), ("glorot_normal", .glorotNormal, 0, 1),
    ("he_uniform", .heUniform, 0, 1), ("he_normal", .heNormal, 0, 1), ("lecun_uniform", .lecunUniform, 0, 1),
    ("lecun_normal", .lecunNormal, 0, 1), ("orthogonal", .orthogonal, 0, 1), ("identity", .identity, 0, 1),
  ]

  static func distribution(
    _ word: String, _ numbers: [Double], _ place: CellPlace
  ) throws(CellError) -> Initializer.Distribution {
    guard let known = words.first(where: { $0.name == word }) else {
      throw place.error("there is no distribution \"\(word)\"\(Suggestion.text(for: word, among: words.map(\.name)))")
    }
    guard numbers.count >= known.least, numbers.count <= known.most else {
      let wanted = known.least == known.most ? "\(known.least)" : "\(known.least) or \(known.most)"
      throw place.error("\(word) takes \(wanted) numbers, and has \(numbers.count)")
    }
    let distribution: Initializer.Distribution =
      known.kind == .uniform
      ? .uniform(low: numbers[0], high: numbers[1]) : Initializer.Distribution(known.kind, numbers.first ?? 1)
    if known.kind == .uniform, numbers[0] > numbers[1] {
      throw place.error("uniform needs low <= high, has \(numbers[0]) and \(numbers[1])")
    }
    if let allowed = distribution.refusal { throw place.error("the number of \(word) must be \(allowed)") }
    return distribution
  }

  /// Where a state starts.
  static func ofState(_ definition: CellDefinition, _ name: String) throws(CellError) -> Double {
    guard let initial = definition.initials[name] else { return 0 }
    guard initial.value.kind == .constant else {
      // Of a parameter that an equation has made a state.
      if initial.isInherited { return 0 }
      throw initial.place.error("\"\(name)\" is a state, and starts with a number: distributions are for parameters")
    }
    return initial.value.scale
  }
}
