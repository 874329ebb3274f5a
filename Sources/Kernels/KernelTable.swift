// What a module of one instruction set hands up: its kernels, as plain functions.

/// All kernels of one instruction set for one type of numbers.
///
/// `init(_:)` is generic and inlined into the module of each instruction set, which so holds concrete code for its own
/// vector and nothing else. Every entry is a function without captures: some forty, so runners reach them through
/// their network and hold no copy. Not a class: each of these modules would then hold the same function of the runtime,
/// and the linker would keep one for all. The initialisers are emitted where they are used only: their generic versions,
/// which nothing calls, were 0.65 MB of the library, because the linker keeps what they call.
public struct KernelTable<Scalar: Real>: Sendable {
  /// Scalars per vector: what packed panels are made of.
  public let lanes: Int
  /// How many vectors of sums a tile may hold.
  public let accumulators: Int

  public let elementary: ElementaryKernels<Scalar>
  public let training: TrainingKernels<Scalar>
  public let product: ProductKernels<Scalar>
  public let panels: PanelKernels<Scalar>
  public let forward: StepKernels<ForwardArguments<Scalar>>
  public let single: StepKernels<SingleArguments<Scalar>>
  public let backward: StepKernels<BackwardArguments<Scalar>>
  public let vector: VectorKernels<Scalar>
  public let masks: MaskKernels<Scalar>
  public let attention: AttentionKernels<Scalar>
  public let pool: PoolKernels<Scalar>

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    lanes = V.count
    accumulators = V.accumulators
    elementary = ElementaryKernels(V.self)
    training = TrainingKernels(V.self)
    product = ProductKernels(V.self)
    panels = PanelKernels(V.self)
    forward = StepKernels(V.self)
    single = StepKernels(V.self)
    backward = StepKernels(V.self)
    vector = VectorKernels(V.self)
    masks = MaskKernels(V.self)
    attention = AttentionKernels(V.self)
    pool = PoolKernels(V.self)
  }
}
