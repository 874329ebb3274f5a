// From a schedule to programs: sections of stages, products grouped by what they read, and every value's place.
import Kernels

/// What the assembler makes: of sections that are run in turn.
struct AssembledProgram {
  /// Stages of each section, in `Double`.
  var sections: [ProgramSection<Double>] = []
  /// Columns of places of our own.
  var widths: [Int: Int] = [:]
  /// Where vectors and numbers among the parameters are copied to, in the prepared row.
  var parameters: [(parameter: Int, column: Int, count: Int)] = []
}

struct CellAssembler {
  var schedule: CellSchedule
  let graph: SizedGraph
  let lanes: Int
  /// Where what outlives its section goes, and what outlives its stage.
  let homes: (sections: [Int], stages: [Int])
  var program = AssembledProgram()
  var locations: [Int: Location]
  /// What is wanted, by the value that it is or is a part of: there may be thousands.
  let required: [Int: [RequiredValue]]
  /// Numbers of parameters are made vectors once, in the prepared row: not for what is prepared itself, or comes behind
  /// the sums over all rows.
  private(set) var widens = true
  var stage: CellStageBuilder
  var groups: [ProductGroup] = []
  private var childSums: [ChildSum] = []
  /// The stage that is put together is one of rows of children.
  var isOfChildren = false
  /// In the prepared row: constants as vectors, and numbers of parameters as vectors.
  private var constants: [(value: Double, width: Int, location: Location)] = []
  private var forms: [(form: PreparedForm, of: Location, width: Int, location: Location)] = []
  /// Where they are.
  private var known: [Known: Location] = [:]

  private enum Known: Hashable {
    case constant(UInt64, width: Int)
    case form(PreparedForm, of: Location, width: Int)
  }

  /// What is made of a parameter once, in the prepared row.
  enum PreparedForm {
    /// A number as a vector.
    case widened
    /// `1 / sqrt(variance + 1e-5)`
    case reciprocalDeviation
  }

  /// - Parameter homes: of each section, the place of what outlives it, and of what outlives a stage of it.
  static func program(
    _ schedule: CellSchedule, homes: (sections: [Int], stages: [Int]), taken: [Int: Int] = [:],
    parameters: [(parameter: Int, column: Int, count: Int)]
  ) -> AssembledProgram {
    var assembler = CellAssembler(schedule, homes, taken, parameters)
    for section in homes.sections.indices.dropFirst() { assembler.assemble(section) }
    assembler.assemblePrepared()
    return assembler.program
  }

  private init(
    _ schedule: CellSchedule, _ homes: (sections: [Int], stages: [Int]), _ taken: [Int: Int],
    _ parameters: [(parameter: Int, column: Int, count: Int)]
  ) {
    self.schedule = schedule
    graph = schedule.graph
    lanes = schedule.lanes
    self.homes = homes
    locations = schedule.given
    required = Dictionary(grouping: schedule.required) { schedule.graph.resolved($0.node).node }
    stage = CellStageBuilder(lanes: lanes)
    program.widths = taken
    program.parameters = parameters
    program.sections = Array(repeating: ProgramSection(), count: homes.sections.count)
    for number in schedule.needed { placePrepared(number) }
  }

  // MARK: Places

  func padded(_ width: Int) -> Int { (max(width, 1) + lanes - 1) / lanes * lanes }

  mutating func take(_ place: Int, _ width: Int) -> Location {
    let column = program.widths[place] ?? 0
    program.widths[place] = column + padded(width)
    return Location(place, column)
  }

  private mutating func placePrepared(_ number: Int) {
    if schedule.section(number) == 0 { locations[number] = take(Place.prepared, graph.rows[number]) }
  }

  /// The place that a value of `section` needs beyond a slot; nil: a slot will do.
  private mutating func home(_ number: Int, _ section: Int) -> Location? {
    if let known = locations[number] { return known }
    let location: Location
    let wanted = ownPlace(number, section)
    if let wanted, !schedule.outlivesSection.contains(number) || wanted.place == sectionHome(section) {
      location = wanted
    } else if schedule.outlivesSection.contains(number) {
      location = take(sectionHome(section), graph.rows[number])
    } else if schedule.outlivesStage.contains(number) {
      location = take(stageHome(section), graph.rows[number])
    } else {
      return nil
    }
    locations[number] = location
    return location
  }

  /// A place of whole vectors where the value is wanted in its own section: of rows of others, the tape's where they
  /// are such.
  func ownPlace(_ number: Int, _ section: Int) -> Location? {
    required[number]?.first {
      $0.node == number && $0.section == section && $0.width == graph.rows[number] && !$0.adds
        && (!Place.isDense($0.location.place) || $0.location.place == Place.tape && $0.width % lanes == 0)
    }?.location
  }

  // MARK: Sections

  private mutating func assemble(_ section: Int) {
    widens = homes.sections[section] != Place.prepared
    // Listed once: a text may have thousands of stages, and none shall look through all values.
    var work: [(products: [Int], values: [Int], opened: [Int])] = [([], [], [])]
    func stages(to level: Int) {
      while work.count <= level { work.append(([], [], [])) }
    }
    for number in schedule.needed {
      let isOwn = schedule.section(number) == section
      if isOwn {
        stages(to: schedule.levels[number])
        work[schedule.levels[number]].values.append(number)
      }
      guard let sum = schedule.accumulators[number] else { continue }
      if let level = sum.levels[section] {
        stages(to: level)
        work[level].products.append(number)
      }
      if isOwn, let opening = sum.opening { work[schedule.levels[opening]].opened.append(number) }
      if !isOwn && !early(sum, section).isEmpty {
        let level = schedule.earlyLevel(sum, section)
        stages(to: level)
        work[level].values.append(number)
      }
    }
    for (level, stageWork) in work.enumerated() {
      for isOfChildren in graph.isTree ? [false, true] : [false] {
        self.isOfChildren = isOfChildren
        stage = CellStageBuilder(lanes: lanes)
        (groups, childSums) = ([], [])
        for number in stageWork.values where graph.isReduction(number) { addUp(number, section) }
        assembleProducts(stageWork.products, section)
        for number in stageWork.values where graph.isChilds(number) == isOfChildren { assemble(number, section) }
        for number in stageWork.opened { open(number, section) }
        if level == work.count - 1 { writeRest(section, ofChildren: isOfChildren) }
        finishStage(section)
      }
    }
    isOfChildren = false
  }

  /// A sum over children, at the beginning of a stage.
  private mutating func addUp(_ number: Int, _ section: Int) {
    if isOfChildren { return }
    let (node, column) = graph.resolved(graph.nodes[number].operands[0])
    var from = locations[node] ?? Location(Place.prepared)
    from.column += column
    let width = graph.rows[number]
    let out = home(number, section) ?? take(stageHome(section), width)
    locations[number] = out
    childSums.append(ChildSum(from: from, out: out, width: width))
  }

  func stageHome(_ section: Int) -> Int { isOfChildren ? Place.childKept : homes.stages[section] }
  func sectionHome(_ section: Int) -> Int { isOfChildren ? Place.childGradients : homes.sections[section] }

  private func early(_ sum: Accumulator, _ section: Int) -> [(isNegative: Bool, node: Int)] {
    let own = schedule.section(sum.node)
    if own == section { return [] }
    return sum.earlyAddends(own).filter { $0.section == section }.map { ($0.isNegative, $0.node) }
  }

  private mutating func assemble(_ number: Int, _ section: Int) {
    if let sum = schedule.accumulators[number] {
      let early = early(sum, section)
      if !early.isEmpty, let location = sum.location {
        let out = VectorOperand(location)
        let width = graph.rows[number]
        add(early, to: out, into: out, width: width)
      }
      guard schedule.section(number) == section else { return }
      let rest = sum.finalAddends(section).map { ($0.isNegative, $0.node) }
      if rest.isEmpty {
        locations[number] = sum.location
      } else if let location = sum.location {
        let out = home(number, section).map { VectorOperand($0) } ?? stage.slot(graph.rows[number])
        add(rest, to: VectorOperand(location), into: out, width: graph.rows[number])
        located(number, out)
      }
    } else {
      if graph.isReduction(number) { return write(number, section) }
      emit(number, into: home(number, section).map { VectorOperand($0) })
    }
    write(number, section)
  }

  /// Where a value is in this stage; in a slot until it is finished.
  private var slots: [Int: VectorOperand] = [:]

  mutating func located(_ number: Int, _ operand: VectorOperand) {
    if Int(operand.place) == Place.slots { slots[number] = operand }
  }

  /// Where a value of its own width is.
  func operand(_ number: Int) -> VectorOperand {
    if let slot = slots[number] { return slot }
    assert(locations[number] != nil, "value \(number) has no place")
    return VectorOperand(locations[number] ?? Location(Place.prepared))
  }

  private mutating func finishStage(_ section: Int) {
    let slotsWidth = stage.finish()
    slots = [:]
    program.sections[section].slotsWidth = max(program.sections[section].slotsWidth, slotsWidth)
    if stage.isEmpty && groups.isEmpty && childSums.isEmpty { return }
    program.sections[section].stages.append(
      ProgramStage(
        isOfChildren: isOfChildren, sums: childSums, groups: groups, masks: stage.masks,
        instructions: stage.instructions))
    var places = Set(program.sections[section].places)
    for instruction in stage.instructions {
      for operand in [instruction.out] + instruction.operands { places.insert(Int(operand.place)) }
    }
    for sum in childSums { places.formUnion([sum.from.place, sum.out.place]) }
    for group in groups {
      places.insert(group.out.place)
      for segment in group.segments { places.insert(segment.operand.place) }
    }
    program.sections[section].places = places.sorted()
  }

  private mutating func assemblePrepared() {
    widens = false
    stage = CellStageBuilder(lanes: lanes)
    for number in schedule.needed where schedule.section(number) == 0 {
      emit(number, into: VectorOperand(locations[number] ?? Location(Place.prepared)))
    }
    // What other sections wanted of it was listed before: it reads what has just been made, and comes behind.
    let own = stage
    stage = CellStageBuilder(lanes: lanes)
    for (form, parameter, width, location) in forms {
      let (from, out) = (VectorOperand(parameter), VectorOperand(location))
      switch form {
      case .widened: stage.append(Instruction(.broadcast, width: width, out: out, from))
      case .reciprocalDeviation: emitReciprocalDeviation(of: from, into: out, width: width)
      }
    }
    for number in schedule.needed {
      guard let sum = schedule.accumulators[number], let location = sum.startLocation else { continue }
      emitStart(sum, location)
    }
    let starts = stage
    stage = CellStageBuilder(lanes: lanes)
    for (value, width, location) in constants {
      stage.append(Instruction(.fill, width: width, out: VectorOperand(location), k: value))
    }
    for part in [own, starts] where !part.isEmpty {
      var part = part
      program.sections[0].slotsWidth = max(program.sections[0].slotsWidth, part.finish())
      program.sections[0].stages.append(ProgramStage(groups: [], masks: [], instructions: part.instructions))
    }
    // Constants may have been added by any of these, and come first.
    if !stage.isEmpty {
      program.sections[0].stages.insert(
        ProgramStage(groups: [], masks: [], instructions: stage.instructions), at: 0)
    }
    program.sections[0].places = [Place.slots, Place.prepared]
  }

  // MARK: Readings of the prepared row

  mutating func constant(_ value: Double, width: Int) -> VectorOperand {
    let key = Known.constant(value.bitPattern, width: width)
    if let location = known[key] { return VectorOperand(location) }
    let location = take(Place.prepared, width)
    known[key] = location
    constants.append((value, width, location))
    return VectorOperand(location)
  }

  /// Another form of what parameters give.
  mutating func prepared(_ form: PreparedForm, of parameter: Location, width: Int) -> VectorOperand {
    let key = Known.form(form, of: parameter, width: width)
    if let location = known[key] { return VectorOperand(location) }
    let location = take(Place.prepared, width)
    known[key] = location
    forms.append((form, parameter, width, location))
    return VectorOperand(location)
  }
}
