// The kernel calls of a step of a stream of equations, laid out when the stream is made: products and vector
// instructions, in the order of the program's stages. Walking the program's arrays in each step took 400 ns, most of it
// counting references.
import Kernels

/// A product of some panel of a group, or the instructions of a stage for all rows.
struct CellCall<Scalar: RNNScalar>: BitwiseCopyable {
  var vectors = 0
  var product: ProductArguments<Scalar>?
  var program: VectorProgram<Scalar>?
  /// Of the program's section.
  var places: CellCallPlaces?
}

/// The places that a section reads or writes, and how many rows a tile of it has.
struct CellCallPlaces: BitwiseCopyable {
  let places: UnsafeMutablePointer<Int>
  let count: Int
  let height: Int
}

/// Belongs to one thread at a time.
struct CellCalls<Scalar: RNNScalar>: BitwiseCopyable {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let calls: UnsafeMutablePointer<CellCall<Scalar>>
  private let count: Int
  private let rows: Int
  /// Where there are more rows than a tile has: the table of a tile.
  private let tile: UnsafeMutablePointer<VectorRows<Scalar>>

  /// - Parameters:
  ///   - run: with its table filled: entries of places whose rows are elsewhere in each step are lists of pointers.
  ///   - rows: one for each sequence.
  ///   - counting: nothing is written.
  init(_ arena: inout Arena, _ run: CellRun<Scalar>, rows: Int, counting: Bool) {
    self.rows = rows
    let sections = [run.program.sections[ForwardSection.before], run.program.sections[ForwardSection.step]]
    var count = 0
    for section in sections {
      for stage in section.stages {
        for group in stage.groups { count &+= group.panels.count &* group.runs.count }
        if !stage.instructions.isEmpty { count &+= 1 }
      }
    }
    (self.count, calls) = (count, arena.take(CellCall<Scalar>.self, count))
    tile = arena.take(VectorRows<Scalar>.self, Place.count)
    if !counting {
      run.table[Place.prepared] = VectorRows(run.prepared, stride: 0)
      run.table[Place.slots] = VectorRows(run.slots, stride: run.program.slotsWidth)
      tile.update(from: run.table, count: Place.count)
    }
    var next = calls
    func append(_ call: CellCall<Scalar>) {
      if !counting { next.initialize(to: call) }
      next += 1
    }
    for section in sections {
      let places = CellCallPlaces(
        places: arena.take(Int.self, section.places.count), count: section.places.count,
        height: run.tileHeight(section))
      for (number, place) in section.places.enumerated() where !counting { places.places[number] = place }
      for stage in section.stages {
        for group in stage.groups {
          // A list of pointers for what is written, and for each operand.
          let pointers = arena.take(Pointer.self, 1 &+ group.runs.count, rows)
          if counting { continue }
          run.locate(run.table[group.out.place], rows, pointers)
          run.visitProducts(group, rows: rows, sums: pointers) { number, vectors, arguments in
            // The caller's rows are set in each step: theirs is the list itself.
            let (operand, own) = (run.table[group.runs[number].operand.place], pointers + (number &+ 1) &* rows)
            if operand.rows == nil { run.locate(operand, rows, own) }
            let list = operand.rows ?? UnsafePointer(own)
            var arguments = arguments
            arguments.rows = UnsafeRawPointer(list).assumingMemoryBound(to: UnsafePointer<Scalar>.self)
            append(CellCall(vectors: vectors, product: arguments))
          }
        }
        if stage.instructions.isEmpty { continue }
        let instructions = arena.take(VectorInstruction<Scalar>.self, stage.instructions.count)
        for (number, instruction) in stage.instructions.enumerated() where !counting {
          (instructions + number).initialize(to: instruction)
        }
        append(
          CellCall(
            program: VectorProgram(
              UnsafePointer(instructions), count: stage.instructions.count, table: UnsafePointer(run.table),
              rows: rows), places: places))
      }
    }
  }

  /// One step.
  @inline(__always)
  func run(_ network: Network<Scalar>) {
    for number in 0..<count {
      let call = calls + number
      if call.pointee.product != nil {
        // More rows than a tile holds are cut in k, which changes the arguments.
        var arguments = call.pointee.product.unsafelyUnwrapped
        if rows == 1 {
          network.kernels.product(vectors: call.pointee.vectors, &arguments)
        } else {
          network.kernels.product(&arguments, vectors: call.pointee.vectors, depth: arguments.depth)
        }
      } else if var program = call.pointee.program, let places = call.pointee.places {
        if rows <= places.height {
          network.kernels.vector.run(&program)
        } else {
          runTiles(network, &program, places)
        }
      }
    }
  }

  @inline(never)
  private func runTiles(
    _ network: Network<Scalar>, _ program: inout VectorProgram<Scalar>, _ places: CellCallPlaces
  ) {
    let table = program.table
    program.table = UnsafePointer(tile)
    var first = 0
    while first < rows {
      for number in 0..<places.count {
        let place = places.places[number]
        tile[place] = CellRun.entry(table[place], place, first: first)
      }
      program.rows = min(places.height, rows &- first)
      network.kernels.vector.run(&program)
      first &+= places.height
    }
  }
}
