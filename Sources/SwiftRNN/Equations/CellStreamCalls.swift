// The kernel calls of a step of a stream of equations, laid out when the stream is made: products and vector
// instructions, in the order of the program's stages. Walking the program's arrays in each step took 400 ns, most of it
// counting references.
import Kernels

/// A product of some panel of a group, or the instructions of a stage for the rows of a tile.
struct CellCall<Scalar: RNNScalar>: BitwiseCopyable {
  var vectors = 0
  var product: ProductArguments<Scalar>?
  var program: VectorProgram<Scalar>?
}

/// Belongs to one thread at a time.
struct CellCalls<Scalar: RNNScalar>: BitwiseCopyable {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let calls: UnsafeMutablePointer<CellCall<Scalar>>
  private let count: Int
  private let rows: Int

  /// - Parameters:
  ///   - run: with its table filled: entries of places whose rows are elsewhere in each step are lists of pointers.
  ///   - rows: one for each sequence.
  ///   - counting: nothing is written.
  init(_ arena: inout Arena, _ run: CellRun<Scalar>, rows: Int, counting: Bool) {
    self.rows = rows
    let sections = [run.program.sections[ForwardSection.before], run.program.sections[ForwardSection.step]]
    let tiles = sections.map { run.tileHeight($0) }.map { (rows &+ $0 &- 1) / $0 }
    var count = 0
    for (section, tiles) in zip(sections, tiles) {
      for stage in section.stages {
        for group in stage.groups { count &+= group.panels.count &* group.runs.count }
        if !stage.instructions.isEmpty { count &+= tiles }
      }
    }
    (self.count, calls) = (count, arena.take(CellCall<Scalar>.self, count))
    if !counting {
      run.table[Place.prepared] = VectorRows(run.prepared, stride: 0)
      run.table[Place.slots] = VectorRows(run.slots, stride: run.program.slotsWidth)
    }
    var next = calls
    func append(_ call: CellCall<Scalar>) {
      if !counting { next.initialize(to: call) }
      next += 1
    }
    for (section, tiles) in zip(sections, tiles) {
      var tables: [UnsafeMutablePointer<VectorRows<Scalar>>] = []
      let height = run.tileHeight(section)
      for tile in 0..<tiles {
        let table = arena.take(VectorRows<Scalar>.self, Place.count)
        if !counting {
          table.update(from: run.table, count: Place.count)
          run.fill(table, section, first: tile &* height)
        }
        tables.append(table)
      }
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
        for (tile, table) in tables.enumerated() {
          append(
            CellCall(
              program: VectorProgram(
                UnsafePointer(instructions), count: stage.instructions.count, table: UnsafePointer(table),
                rows: min(height, rows &- tile &* height))))
        }
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
      } else if var program = call.pointee.program {
        network.kernels.vector.run(&program)
      }
    }
  }
}
