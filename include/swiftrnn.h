/* swiftrnn.h: recurrent networks on CPUs, forward and backward. The whole C contract of libswiftrnn.
 *
 * Three ways in, from the simplest:
 *   1. Inference:  config_init -> network_create -> network_forward with parameters, x and y.
 *   2. Streaming:  + weights_create -> stream_create -> stream_step for each new input; no allocation, no lock.
 *   3. Training:   network_forward with a tape -> network_backward -> clip_gradients -> adam_step.
 *
 * Letters   T steps, N sequences, I inputs, H hidden units, P projected units (P = H without projection), G gates,
 *           L layers, D directions. Sizes, lengths and strides are int64_t and count ELEMENTS; only arguments named
 *           *_size that accompany a buffer count BYTES.
 * Data      A network computes in float or double (swiftrnn_dtype); every `void *` array below holds that type, unless
 *           a type is written. Arrays need only the natural alignment of their elements.
 * Batches   [T, N, features] with dense rows of features; the strides of steps and sequences are arguments, so that
 *           [N, T, features] is read in place. Both strides 0 mean dense [T, N, features].
 * Lengths   NULL: all T. Otherwise N values in 0...T, in any order. Past a sequence's end y and dx are zero; its final
 *           state is the one at its last step; the reverse direction starts at its own end; length 0 hands the initial
 *           state through.
 * States    Arrays of pointers, one per state tensor (swiftrnn_network_state_info): h [L*D, N, P] and, for LSTM,
 *           c [L*D, N, H]; of equations those of the text. The tensor of layer l and direction d is at index l*D + d. NULL, for the array or an entry,
 *           means zeros on the way in and not wanted on the way out.
 * Errors    Every fallible call returns a swiftrnn_status; swiftrnn_last_error() has the calling thread's last message,
 *           with the numbers in it. On an error, no output of the call has been written, except where the call says so.
 * Seeds     Without a seed every call draws anew; with one, seed and position decide. Structs say by `seeded` whether
 *           their seed counts: a seed beside seeded 0 is an error. (docs/equations.md, "Seeds")
 * Aliasing  Outputs overlap neither inputs nor each other, except where a call says so.
 * Threads   Handles are immutable once made: any number of threads may use one at once, each with its own buffers. The
 *           exception is swiftrnn_stream, which belongs to one thread at a time.
 * Bits      Results do not depend on the thread count, on the batch that a sequence is in, on padding, on streaming or
 *           whole, on inference or training, nor on AVX2 or AVX-512 (docs/design.md has the table). Each call runs with
 *           round-to-nearest and subnormals flushed to zero, and leaves the caller's floating-point control as it was.
 */
#ifndef SWIFTRNN_H
#define SWIFTRNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ==== Version, status, process ====================================================================================*/

#define SWIFTRNN_VERSION_MAJOR 0
#define SWIFTRNN_VERSION_MINOR 1
#define SWIFTRNN_VERSION_PATCH 0

/** What a call came to. Values are pinned: they never change their meaning. */
typedef enum swiftrnn_status {
  SWIFTRNN_STATUS_OK = 0,
  SWIFTRNN_STATUS_NULL_POINTER = 1,     /**< a pointer that must not be NULL is */
  SWIFTRNN_STATUS_INVALID_VALUE = 2,    /**< a number, an enumeration value or an identifier is outside its range */
  SWIFTRNN_STATUS_INVALID_SIZE = 3,     /**< a size, length or stride is negative, too large or does not fit another */
  SWIFTRNN_STATUS_OVERFLOW = 4,         /**< sizes whose product in bytes does not fit an int64_t */
  SWIFTRNN_STATUS_BUFFER_TOO_SMALL = 5, /**< a tape, workspace or other buffer has fewer bytes than needed */
  SWIFTRNN_STATUS_MISALIGNED = 6,       /**< a pointer is not aligned to its element */
  SWIFTRNN_STATUS_MISMATCH = 7,         /**< a tape, weights or struct belongs to another configuration or version */
  SWIFTRNN_STATUS_OUT_OF_MEMORY = 8,    /**< the system has none left; the process goes on (docs/abi.md) */
  SWIFTRNN_STATUS_UNSUPPORTED = 9,      /**< a combination that does not exist, such as a bidirectional stream */
  SWIFTRNN_STATUS_FILE = 10,            /**< a file cannot be read or written: the message has the system's reason */
  SWIFTRNN_STATUS_INVALID_FORMAT = 11   /**< a file or JSON text is not what it should be, or is damaged */
} swiftrnn_status;

/** The library's version, "major.minor.patch". Static storage. */
const char *swiftrnn_version(void);

/** The name of a status, such as "invalid size"; "unknown status" for other values. Static storage. */
const char *swiftrnn_status_string(swiftrnn_status status);

/** The message of the calling thread's last failed call, "" if there was none. Valid until this thread's next failure;
 *  at most 1023 bytes. */
const char *swiftrnn_last_error(void);

/** The instruction set in use: "avx512", "avx2" or "baseline". Chosen once per process, from the CPU or from the
 *  environment variable SWIFTRNN_ISA, if that is not empty. NULL, with swiftrnn_last_error(), if it has another value or
 *  names a set that this CPU lacks; then swiftrnn_network_create() and all that computes fail with
 *  SWIFTRNN_STATUS_UNSUPPORTED. */
const char *swiftrnn_isa(void);

/** Sets how many threads a call may use at most, where its network does not say; 0 goes back to the default, which is
 *  what affinity and the cgroup's CPU quota leave, and reads both again.
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  threads is negative or above 1024 */
swiftrnn_status swiftrnn_set_num_threads(int64_t threads);

/** The number that swiftrnn_set_num_threads() set, or the default. 1 after fork() in the child of a process that had used
 *  several: calls run on the calling thread there. */
int64_t swiftrnn_get_num_threads(void);

/* ==== Networks ====================================================================================================*/

/** The type of all numbers of a network. */
typedef enum swiftrnn_dtype { SWIFTRNN_FLOAT32 = 0, SWIFTRNN_FLOAT64 = 1 } swiftrnn_dtype;

/** The cells. Equations in docs/equations.md; names, shapes and order of parameters as in torch.nn. */
typedef enum swiftrnn_cell {
  SWIFTRNN_RNN_TANH = 1,        /**< Elman 1990:  h' = tanh(W x + b + U h + d) */
  SWIFTRNN_RNN_RELU = 2,        /**< the same with max(0, .) */
  SWIFTRNN_LSTM = 3,            /**< Gers, Schmidhuber, Cummins 2000; rows i f g o; projection: Sak 2014 */
  SWIFTRNN_GRU = 4,             /**< Cho 2014 v1, torch: n = tanh(W x + b + r * (U h + d)); rows r z n */
  SWIFTRNN_GRU_RESET_BEFORE = 5, /**< Cho 2014 v3:       n = tanh(W x + b + U (r * h) + d); rows r z n */
  SWIFTRNN_EQUATIONS = 6        /**< a cell of swiftrnn_cell_parse(), for swiftrnn_network_create_equations() */
} swiftrnn_cell;

/** Connections past layers. */
typedef enum swiftrnn_skip {
  SWIFTRNN_SKIP_NONE = 0,
  SWIFTRNN_SKIP_RESIDUAL = 1, /**< each layer but the first adds what it reads to what it gives out (He 2016; Wu 2016) */
  SWIFTRNN_SKIP_DENSE = 2     /**< each layer reads x and the outputs of all layers below (Huang 2017; Ding 2018) */
} swiftrnn_skip;

/** What becomes of the outputs of two directions. */
typedef enum swiftrnn_merge {
  SWIFTRNN_MERGE_CONCATENATE = 0, /**< [forward, reverse] side by side: 2 P features */
  SWIFTRNN_MERGE_SUM = 1,         /**< P features, as the others below */
  SWIFTRNN_MERGE_MEAN = 2,        /**< half of the sum */
  SWIFTRNN_MERGE_PRODUCT = 3
} swiftrnn_merge;

/** What a pass does with steps that its mask leaves out; states are carried past them. */
typedef enum swiftrnn_gaps {
  SWIFTRNN_GAPS_NONE = 0,     /**< there is no mask */
  SWIFTRNN_GAPS_REPEATED = 1, /**< in y each direction repeats what it gave out last, zeros before its first step */
  SWIFTRNN_GAPS_ZERO = 2      /**< y is zero */
} swiftrnn_gaps;

/** What a network is. Fill it with swiftrnn_config_init(), then set what differs. */
typedef struct swiftrnn_config {
  int64_t size;            /**< bytes of this struct, set by swiftrnn_config_init() */
  swiftrnn_cell cell;
  swiftrnn_dtype dtype;    /**< default SWIFTRNN_FLOAT32 */
  int64_t input_size;      /**< I, 1 or more; must be set */
  int64_t hidden_size;     /**< H, 1 or more; must be set */
  int64_t projection_size; /**< P < H for LSTM with projection; default 0: none */
  int64_t num_layers;      /**< L in 1...1024; default 1 */
  int32_t num_directions;  /**< 1 (default) or 2: outputs are [forward, reverse] side by side */
  int32_t bias;            /**< 1 (default) or 0 */
  double dropout;          /**< in [0, 1): on each layer's output but the last, when a tape is filled; default 0 */
  int64_t num_threads;     /**< threads of one call; default 0: swiftrnn_get_num_threads() at the call */
  /* How layers are joined, of every cell; the defaults are torch's networks. Trees take none of these. */
  swiftrnn_skip skip;
  swiftrnn_merge merge;           /**< of two directions: after each layer, or after the last of independent ones */
  swiftrnn_gaps gaps;             /**< other than NONE: passes take a mask */
  int32_t independent_directions; /**< 1: each direction reads its own direction's outputs of the layer below */
  int32_t learned_initial_states; /**< 1: states start with parameters, "initial_h_l0", where a call gives none */
  int32_t reserved;               /**< 0 */
  const int64_t *layer_hidden_sizes; /**< [num_layers] H of each layer, or NULL: hidden_size for all. Copied */
  const int64_t *layer_dilations; /**< [num_layers] k in 1...65536: a step reads the states of k steps before (Chang
                                       2017); NULL: 1 */
} swiftrnn_config;

/** Fills `config` with the defaults for `cell`; input_size and hidden_size stay 0 and must be set. Never writes past
 *  `size` bytes: pass sizeof(swiftrnn_config) of the header that you compile with. A longer struct of a newer header
 *  is accepted by an older library as long as the part that it does not know is zero. */
swiftrnn_status swiftrnn_config_init(swiftrnn_config *config, int64_t size, swiftrnn_cell cell);

/** A checked configuration. Holds no parameters. Immutable: threads may share it. */
typedef struct swiftrnn_network swiftrnn_network;

/** Makes a network. @param out_network receives the handle, NULL on failure. */
swiftrnn_status swiftrnn_network_create(const swiftrnn_config *config, swiftrnn_network **out_network);

/** Gives the handle back; weights and streams made from it stay usable. NULL is fine. */
void swiftrnn_network_destroy(swiftrnn_network *network);

/** A cell that is given as equations. Immutable: threads may share it. */
typedef struct swiftrnn_equations swiftrnn_equations;

/** Reads a cell: equations as docs/cells.md has them, or "like NAME" and what differs from a cell of the library.
 *  Time and memory grow with the text; the stack, here and for a network of it, stays below 60 KiB.
 *  @param text           any bytes at all, at most 65536 of them; no zero byte needed
 *  @param text_size      bytes
 *  @param out_equations  receives the handle, NULL on failure
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  the text is no cell: swiftrnn_last_error() names line and column, and shows the
 *                                         line with a caret below */
swiftrnn_status swiftrnn_cell_parse(const char *text, int64_t text_size, swiftrnn_equations **out_equations);

/** Gives the handle back; networks made from it stay usable. NULL is fine. */
void swiftrnn_equations_destroy(swiftrnn_equations *equations);

/** A size that the cell names, beside I and H. */
typedef struct swiftrnn_named_size {
  const char *name;  /**< zero-terminated, as in the text */
  int64_t value;     /**< 1 or more */
} swiftrnn_named_size;

/** Makes a network of a cell of equations. All calls on networks take it. Its parameters are named as in the text, with
 *  the layer behind: "Wi_l0_reverse"; diagonal blocks are a matrix with the rows of all and the columns of one. Its states
 *  are the text's; where the caller gives none, a sequence starts with zeros, or with what the text's `init` says.
 *  @param config      of cell SWIFTRNN_EQUATIONS, with projection_size and bias as swiftrnn_config_init() leaves them: the
 *                     text says what there is of either
 *  @param sizes       size_count entries, or NULL for none: each name that the text's sizes have, and no other
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  sizes do not fit: the message says where
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED    config.bias is 0, or config.projection_size is not */
swiftrnn_status swiftrnn_network_create_equations(const swiftrnn_equations *equations, const swiftrnn_config *config,
                                                  const swiftrnn_named_size *sizes, int64_t size_count,
                                                  swiftrnn_network **out_network);

/** Writes what is computed when, in words: parameters, inputs, states, products with their shapes, vector instructions,
 *  what the tape holds; and whether the kernels of the RNN, LSTM or GRU run the cell instead.
 *  @param text      text_size bytes: as much as fits, and a zero byte; NULL if text_size is 0
 *  @param out_size  bytes of the whole with its zero byte, or NULL */
swiftrnn_status swiftrnn_network_describe(const swiftrnn_network *network, char *text, int64_t text_size,
                                          int64_t *out_size);

/** Numbers of a row of y: D * P, of equations D times what a step gives out. */
swiftrnn_status swiftrnn_network_output_size(const swiftrnn_network *network, int64_t *out_size);

/** One input of a cell of equations beside x: [T, N, width]. */
typedef struct swiftrnn_input_info {
  char name[64];
  int64_t width;
} swiftrnn_input_info;

/** How many inputs there are beside x. */
swiftrnn_status swiftrnn_network_input_count(const swiftrnn_network *network, int64_t *out_count);

/** Describes input `index`. */
swiftrnn_status swiftrnn_network_input_info(const swiftrnn_network *network, int64_t index,
                                            swiftrnn_input_info *out_info);

/** How many cells of equations come with the library. */
swiftrnn_status swiftrnn_cell_count(int64_t *out_count);

/** The name of cell `index` into name_size bytes, 64 are enough, with a zero byte behind. */
swiftrnn_status swiftrnn_cell_name(int64_t index, char *name, int64_t name_size);

/** The text of the library's cell called `name`: as swiftrnn_network_describe() writes.
 *  @retval SWIFTRNN_STATUS_MISMATCH  there is none of that name */
swiftrnn_status swiftrnn_cell_text(const char *name, char *text, int64_t text_size, int64_t *out_size);

/** One parameter tensor: weight_ih_l0 [G*H, I], weight_hh_l0 [G*H, P], bias_ih_l0 [G*H], bias_hh_l0 [G*H],
 *  weight_hr_l0 [P, H], then the same with _reverse, then the next layer (whose I is D*P). */
typedef struct swiftrnn_parameter_info {
  char name[64];      /**< torch's name, such as "weight_ih_l0_reverse" */
  int64_t rank;       /**< 1 or 2 */
  int64_t shape[2];   /**< shape[1] is 1 for rank 1 */
  int64_t elements;   /**< shape[0] * shape[1] */
  int64_t offset;     /**< where it starts in a flat vector of all parameters, in elements */
} swiftrnn_parameter_info;

/** How many parameter tensors there are. */
swiftrnn_status swiftrnn_network_parameter_count(const swiftrnn_network *network, int64_t *out_count);

/** Describes parameter `index`. @retval SWIFTRNN_STATUS_INVALID_VALUE  index is outside 0 ..< parameter_count */
swiftrnn_status swiftrnn_network_parameter_info(const swiftrnn_network *network, int64_t index,
                                                swiftrnn_parameter_info *out_info);

/** Elements of a flat vector that holds all parameters, without padding, in the order of parameter_info. */
swiftrnn_status swiftrnn_network_flat_count(const swiftrnn_network *network, int64_t *out_elements);

/** Fills `pointers[parameter_count]` with where each tensor starts in `flat` (flat_size bytes): parameters, gradients or
 *  an optimizer's moments as one vector. */
swiftrnn_status swiftrnn_network_flat_pointers(const swiftrnn_network *network, void *flat, int64_t flat_size,
                                               void **pointers, int64_t pointer_count);

/** Draws all parameters from U(-1/sqrt(H), 1/sqrt(H)), as torch does, by Philox keyed by `seed`: the same on every
 *  machine. Of equations, what the text gives by `init` holds.
 *  @param parameters  parameter_count pointers; entries may be NULL: skipped */
swiftrnn_status swiftrnn_network_initialize(const swiftrnn_network *network, uint64_t seed, void *const *parameters,
                                            int64_t parameter_count);

/** What a matrix or a bias is drawn from, with a number s. Fans are those of one gate: `in` columns, `out` rows of its
 *  block, H in stacked matrices, so that stacking changes nothing. (Keras counts all rows of a stacked matrix.) */
typedef enum swiftrnn_distribution {
  SWIFTRNN_DISTRIBUTION_TORCH = 0,          /**< U(-1/sqrt(H), 1/sqrt(H)); s is not read */
  SWIFTRNN_DISTRIBUTION_CONSTANT = 1,       /**< s everywhere; 0: zeros */
  SWIFTRNN_DISTRIBUTION_UNIFORM = 2,        /**< U(-s, s) */
  SWIFTRNN_DISTRIBUTION_NORMAL = 3,         /**< N(0, s^2); not truncated, here and below */
  SWIFTRNN_DISTRIBUTION_GLOROT_UNIFORM = 4, /**< U(-b, b), b = s sqrt(6 / (in + out)): Glorot, Bengio 2010 */
  SWIFTRNN_DISTRIBUTION_GLOROT_NORMAL = 5,  /**< N(0, s^2 2 / (in + out)): the same */
  SWIFTRNN_DISTRIBUTION_HE_UNIFORM = 6,     /**< U(-b, b), b = s sqrt(6 / in): He, Zhang, Ren, Sun 2015 */
  SWIFTRNN_DISTRIBUTION_HE_NORMAL = 7,      /**< N(0, s^2 2 / in): the same */
  SWIFTRNN_DISTRIBUTION_LECUN_UNIFORM = 8,  /**< U(-b, b), b = s sqrt(3 / in): LeCun, Bottou, Orr, Mueller 1998 */
  SWIFTRNN_DISTRIBUTION_LECUN_NORMAL = 9,   /**< N(0, s^2 / in): the same */
  SWIFTRNN_DISTRIBUTION_ORTHOGONAL = 10,    /**< s times an orthogonal matrix for each gate: Saxe 2014; H^3 work */
  SWIFTRNN_DISTRIBUTION_IDENTITY = 11       /**< s on the diagonal for each gate, else 0: Le, Jaitly, Hinton 2015 */
} swiftrnn_distribution;

/** The bias of the gate that keeps a state: f of LSTM, z of GRU; of equations, of a sigmoid that multiplies a state's
 *  value of the step before in the sum that is its next one. Of two biases the first gets it, the other one zeros. */
typedef enum swiftrnn_forget_gate {
  SWIFTRNN_FORGET_GATE_AS_BIAS = 0,  /**< as any bias; forget_value is not read */
  SWIFTRNN_FORGET_GATE_CONSTANT = 1, /**< forget_value: 1 in Jozefowicz, Zaremba, Sutskever 2015 */
  SWIFTRNN_FORGET_GATE_CHRONO = 2    /**< b = log U(1, forget_value - 1), and -b for the gate of what is new, i of LSTM,
                                          if there is one: Tallec, Ollivier 2018. forget_value: steps of dependencies */
} swiftrnn_forget_gate;

/** How parameters are drawn. Fill it with swiftrnn_initializer_init(), then set what differs. */
typedef struct swiftrnn_initializer {
  int64_t size;                      /**< bytes of this struct, set by swiftrnn_initializer_init() */
  swiftrnn_distribution weights;     /**< of matrices that are not recurrent; default: torch's, as all three */
  swiftrnn_distribution recurrent;   /**< of those that multiply a state of the step before, be it gated, as U (r h) */
  swiftrnn_distribution bias;        /**< of vectors that are only added: one of 0...3 */
  swiftrnn_forget_gate forget_gate;  /**< default SWIFTRNN_FORGET_GATE_AS_BIAS */
  double weights_scale;              /**< s of `weights`, 0 or more, of a constant and identity any; default 1 */
  double recurrent_scale;            /**< the same of `recurrent`; default 1 */
  double bias_scale;                 /**< the same of `bias`; default 0 */
  double forget_value;               /**< default 1; of chrono 2 or more */
} swiftrnn_initializer;

/** Fills `initializer` with the defaults, those of swiftrnn_network_initialize(). Never writes past `size` bytes: pass
 *  sizeof(swiftrnn_initializer) of the header that you compile with. */
swiftrnn_status swiftrnn_initializer_init(swiftrnn_initializer *initializer, int64_t size);

/** Draws all parameters as `initializer` says: the same on every machine. What a text gives by `init` holds against
 *  `weights`, `recurrent` and `bias`, and not against `forget_gate`. Vectors that something is multiplied by, such as
 *  peepholes, are torch's.
 *  @param parameters  parameter_count pointers; entries may be NULL: skipped
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED    forget_gate is set, and no gate keeps a state, or that gate has no bias
 *  @retval SWIFTRNN_STATUS_OUT_OF_MEMORY  orthogonal matrices need 8 bytes of scratch for each number of a gate's */
swiftrnn_status swiftrnn_network_initialize_with(const swiftrnn_network *network,
                                                 const swiftrnn_initializer *initializer, uint64_t seed,
                                                 void *const *parameters, int64_t parameter_count);

/** One state tensor: [L*D, N, width]; of layers of different widths and dilated ones see swiftrnn_state_part. */
typedef struct swiftrnn_state_info {
  char name[16];  /**< "h" or "c"; of equations the text's */
  int64_t width;  /**< P for h, H for c; of equations the text's; 0 if layers differ in it */
} swiftrnn_state_info;

/** A layer's part of a state tensor, where layers differ in width or are dilated: [D, k, N, width], N * offset elements
 *  behind the tensor's start. Row j of k is what step j of a call reads, and after a call what step j of the next one
 *  would; in the reverse direction steps count from the end. */
typedef struct swiftrnn_state_part {
  int64_t width;
  int64_t rows;   /**< D * k */
  int64_t offset; /**< elements per sequence of all layers before */
} swiftrnn_state_part;

/** How many state tensors there are: 1, or 2 for LSTM; of equations 0...16. */
swiftrnn_status swiftrnn_network_state_count(const swiftrnn_network *network, int64_t *out_count);

/** Describes state `index`. */
swiftrnn_status swiftrnn_network_state_info(const swiftrnn_network *network, int64_t index,
                                            swiftrnn_state_info *out_info);

/** Describes layer `layer` of state `index`: of a plain network D rows. */
swiftrnn_status swiftrnn_network_state_part(const swiftrnn_network *network, int64_t index, int64_t layer,
                                            swiftrnn_state_part *out_part);

/* ==== Sequences ===================================================================================================*/

/** An immutable packed snapshot of the parameters, for inference and streams: packing once instead of once per call.
 *  Threads may share it. */
typedef struct swiftrnn_weights swiftrnn_weights;

/** Packs `parameters` (parameter_count pointers, none NULL). Yours may change or go afterwards.
 *  @param out_weights receives the handle, NULL on failure */
swiftrnn_status swiftrnn_weights_create(const swiftrnn_network *network, const void *const *parameters,
                                        int64_t parameter_count, swiftrnn_weights **out_weights);

/** Gives the handle back; streams made from it stay usable. NULL is fine. */
void swiftrnn_weights_destroy(swiftrnn_weights *weights);

/** What a workspace is for. */
typedef enum swiftrnn_workspace {
  SWIFTRNN_WORKSPACE_FORWARD = 0,         /**< network_forward with parameters, with or without a tape */
  SWIFTRNN_WORKSPACE_FORWARD_WEIGHTS = 1, /**< network_forward with packed weights */
  SWIFTRNN_WORKSPACE_BACKWARD = 2         /**< network_backward */
} swiftrnn_workspace;

/** Bytes of scratch that a call needs; does not depend on the thread count or on lengths.
 *  @retval SWIFTRNN_STATUS_OVERFLOW  the sizes do not fit an int64_t */
swiftrnn_status swiftrnn_network_workspace_size(const swiftrnn_network *network, swiftrnn_workspace purpose,
                                                int64_t steps, int64_t sequences, int64_t *out_size);

/** Bytes of the tape of a forward pass for training. */
swiftrnn_status swiftrnn_network_tape_size(const swiftrnn_network *network, int64_t steps, int64_t sequences,
                                           int64_t *out_size);

/** The arguments of swiftrnn_network_forward(). Zero the struct, set `size` to sizeof(swiftrnn_forward_args), then what
 *  you need. */
typedef struct swiftrnn_forward_args {
  int64_t size;                       /**< bytes of this struct */
  int64_t steps;                      /**< T, 0 or more */
  int64_t sequences;                  /**< N, 0 or more */
  const void *x;                      /**< [T, N, I] */
  int64_t x_step_stride;              /**< elements from one step to the next, I or more; both 0: dense */
  int64_t x_sequence_stride;          /**< elements from one sequence to the next, I or more */
  void *y;                            /**< [T, N, D*P], or NULL: not wanted */
  int64_t y_step_stride;              /**< both 0: dense; else no two rows of y may overlap */
  int64_t y_sequence_stride;
  const int64_t *lengths;             /**< [N], each in 0...T, or NULL: all T */
  const void *const *initial_states;  /**< state_count tensors; NULL, there or here: zeros, or as text or network say */
  void *const *final_states;          /**< state_count tensors; NULL: not wanted. May be the initial ones */
  int64_t state_count;                /**< entries of the two arrays above; not read if both are NULL */
  const void *const *parameters;      /**< parameter_count tensors, none NULL; not looked at if `weights` is given */
  int64_t parameter_count;
  const swiftrnn_weights *weights;    /**< packed parameters, or NULL: `parameters` are packed into the workspace */
  void *tape;                         /**< filled for network_backward (training, with dropout); NULL: inference */
  int64_t tape_size;                  /**< bytes, at least swiftrnn_network_tape_size() */
  void *workspace;                    /**< scratch; contents do not matter before or after */
  int64_t workspace_size;             /**< bytes, at least swiftrnn_network_workspace_size() */
  uint64_t seed;                      /**< of the dropout masks: the same seed, the same masks; see `seeded` */
  int64_t first_sequence;             /**< 0...2^32 - N, added to a sequence's index in the masks: parts of a batch */
  const void *const *inputs;          /**< of equations: input_count arrays [T, N, width], dense; NULL if there are none */
  int64_t input_count;                /**< entries of `inputs`; not read if that is NULL */
  const uint8_t *mask;                /**< with gaps: [T, N] dense, 0: the step is left out; NULL: none is */
  int32_t seeded;                     /**< 1: `seed` is that of the masks; 0: the call draws one, and `seed` is 0 */
  int32_t reserved;                   /**< 0 */
} swiftrnn_forward_args;

/** Runs whole sequences through all layers and directions. */
swiftrnn_status swiftrnn_network_forward(const swiftrnn_network *network, const swiftrnn_forward_args *args);

/** The arguments of swiftrnn_network_backward(): x, lengths, initial_states and parameters unchanged since the forward
 *  pass that filled the tape. */
typedef struct swiftrnn_backward_args {
  int64_t size;                            /**< bytes of this struct */
  int64_t steps;
  int64_t sequences;
  const void *x;                           /**< [T, N, I] */
  int64_t x_step_stride;                   /**< both 0: dense */
  int64_t x_sequence_stride;
  const void *dy;                          /**< [T, N, D*P], or NULL: zeros. Read only up to each length */
  int64_t dy_step_stride;                  /**< both 0: dense */
  int64_t dy_sequence_stride;
  void *dx;                                /**< [T, N, I], or NULL: not wanted. Zero past each length */
  int64_t dx_step_stride;                  /**< both 0: dense; else no two rows of dx may overlap */
  int64_t dx_sequence_stride;
  const int64_t *lengths;
  const void *const *initial_states;
  const void *const *final_state_gradients; /**< state_count tensors; NULL, there or here: zeros */
  void *const *initial_state_gradients;     /**< state_count tensors; NULL: not wanted */
  int64_t state_count;
  const void *const *parameters;            /**< parameter_count tensors, none NULL */
  void *const *gradients;                   /**< parameter_count tensors; NULL, there or here: not wanted, skipped */
  int64_t parameter_count;
  int32_t accumulate;                       /**< 0: gradients of parameters are overwritten; 1: added to */
  int32_t reserved;                         /**< 0 */
  const void *tape;                         /**< as the forward pass filled it; only read, may be used again */
  int64_t tape_size;
  void *workspace;
  int64_t workspace_size;
  const void *const *inputs;                /**< of equations: as the forward pass had them */
  void *const *input_gradients;             /**< input_count arrays [T, N, width], dense; NULL, there or here: not wanted */
  int64_t input_count;                      /**< entries of the two arrays above; not read if both are NULL */
  const uint8_t *mask;                      /**< as the forward pass had it */
} swiftrnn_backward_args;

/** Back-propagation through time: the gradients of a loss whose gradients for y and the final states are given.
 *  @retval SWIFTRNN_STATUS_MISMATCH  the tape was not filled by this configuration with these T, N and lengths */
swiftrnn_status swiftrnn_network_backward(const swiftrnn_network *network, const swiftrnn_backward_args *args);

/** After a forward pass for training of a cell with batch_norm: running means and variances move towards those of the
 *  pass, m += momentum * (batch - m), the variance with M - 1 for M rows, as in torch. Does nothing for other cells. Not
 *  while another call uses the parameters.
 *  @param tape        as the pass of `steps` and `sequences` filled it; only read
 *  @param momentum    in [0, 1]; torch's is 0.1
 *  @param parameters  parameter_count tensors, none NULL; those of running statistics are changed */
swiftrnn_status swiftrnn_network_update_statistics(const swiftrnn_network *network, const void *tape, int64_t tape_size,
                                                   int64_t steps, int64_t sequences, double momentum,
                                                   void *const *parameters, int64_t parameter_count);

/* ==== Streams =====================================================================================================*/

/** State that lives between calls, for input that arrives step by step: audio, sensors, text. One thread at a time. */
typedef struct swiftrnn_stream swiftrnn_stream;

/** Makes a stream of `sequences` parallel sequences, whose states are zeros, or what the cell's text or learned initial
 *  states say. It has no masks: each step counts. Retains network and weights. For 2 to 16 sequences of a small network
 *  it makes some steps of zeros, to find out whether they are faster together or one by one.
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED  the network is bidirectional
 *  @retval SWIFTRNN_STATUS_MISMATCH     the weights are of another network's configuration */
swiftrnn_status swiftrnn_stream_create(const swiftrnn_network *network, const swiftrnn_weights *weights,
                                       int64_t sequences, swiftrnn_stream **out_stream);
/** NULL is fine. */
void swiftrnn_stream_destroy(swiftrnn_stream *stream);

/** One step. Allocates nothing, locks nothing, stays on the calling thread.
 *  @param x [N, I] dense   @param y [N, P] dense, or NULL; may not overlap x */
swiftrnn_status swiftrnn_stream_step(swiftrnn_stream *stream, const void *x, void *y);

/** The same for a network of equations that has inputs beside x.
 *  @param inputs  input_count arrays [N, width] dense */
swiftrnn_status swiftrnn_stream_step_inputs(swiftrnn_stream *stream, const void *x, const void *const *inputs,
                                            int64_t input_count, void *y);

/** `steps` steps, one after the other: x [steps, N, I] dense, y [steps, N, P] dense or NULL. The same bits. */
swiftrnn_status swiftrnn_stream_run(swiftrnn_stream *stream, int64_t steps, const void *x, void *y);

/** All states to zero; of equations to where the cell starts. */
swiftrnn_status swiftrnn_stream_reset(swiftrnn_stream *stream);

/** Copies the states out: state_count tensors [L, N, width]; NULL entries are skipped. */
swiftrnn_status swiftrnn_stream_get_state(const swiftrnn_stream *stream, void *const *states, int64_t state_count);

/** Copies states in: state_count tensors [L, N, width]; NULL entries become zeros. */
swiftrnn_status swiftrnn_stream_set_state(swiftrnn_stream *stream, const void *const *states, int64_t state_count);

/* ==== Trees =======================================================================================================*/

/** The nodes of trees, over which a network of a recursive cell runs: from the leaves up, all nodes of one height at once.
 *  Immutable: threads may share it. M nodes, E edges from child to parent. */
typedef struct swiftrnn_forest swiftrnn_forest;

/** Makes a forest. A node's children are in the order of their indices; parents may stand before or behind them.
 *  @param parents     [node_count], each -1 (a root) or in 0 ..< node_count
 *  @param out_forest  receives the handle, NULL on failure
 *  @retval SWIFTRNN_STATUS_MISMATCH  the parents form a cycle; the message names one */
swiftrnn_status swiftrnn_forest_create(const int64_t *parents, int64_t node_count, swiftrnn_forest **out_forest);

/** The same for a graph without cycles, whose nodes may have several parents, for cells that use sum_children only. A
 *  node's children are in the order of the edges.
 *  @param children, parents  [edge_count], each in 0 ..< node_count */
swiftrnn_status swiftrnn_forest_create_edges(int64_t node_count, const int64_t *children, const int64_t *parents,
                                             int64_t edge_count, swiftrnn_forest **out_forest);

/** Gives the handle back. NULL is fine. */
void swiftrnn_forest_destroy(swiftrnn_forest *forest);

/** Bytes of the tape of a pass for training.
 *  @retval SWIFTRNN_STATUS_UNSUPPORTED  the cell's states or its output are made of one child's state, or the network has
 *                                       two directions
 *  @retval SWIFTRNN_STATUS_MISMATCH     the cell numbers its children, and a node has several parents */
swiftrnn_status swiftrnn_forest_tape_size(const swiftrnn_network *network, const swiftrnn_forest *forest,
                                          int64_t *out_size);

/** Bytes of scratch of a pass. @param purpose  SWIFTRNN_WORKSPACE_FORWARD or SWIFTRNN_WORKSPACE_BACKWARD */
swiftrnn_status swiftrnn_forest_workspace_size(const swiftrnn_network *network, const swiftrnn_forest *forest,
                                               swiftrnn_workspace purpose, int64_t *out_size);

/** The arguments of swiftrnn_forest_forward(). Zero the struct, set `size`, then what you need. All arrays are dense. */
typedef struct swiftrnn_forest_forward_args {
  int64_t size;                  /**< bytes of this struct */
  const void *x;                 /**< [M, I] */
  const void *const *inputs;     /**< input_count arrays [M, width]; NULL if there are none */
  int64_t input_count;
  void *y;                       /**< [M, O], or NULL: not wanted */
  void *const *final_states;     /**< state_count arrays [L, M, width] of all nodes; NULL, there or here: not wanted */
  int64_t state_count;           /**< not read if `final_states` is NULL */
  const void *const *parameters; /**< parameter_count tensors, none NULL: those of the network over sequences */
  int64_t parameter_count;
  void *tape;                    /**< filled for swiftrnn_forest_backward(), with dropout and masks; NULL: inference */
  int64_t tape_size;
  void *workspace;
  int64_t workspace_size;
  uint64_t seed;                 /**< of the masks: the same seed, the same masks; see `seeded` */
  int64_t first_node;            /**< 0...2^32 - M, added to a node's index in the masks */
  int32_t seeded;                /**< 1: `seed` is that of the masks; 0: the call draws one, and `seed` is 0 */
  int32_t reserved;              /**< 0 */
} swiftrnn_forest_forward_args;

/** Runs all nodes through all layers. Missing children have states of zeros. */
swiftrnn_status swiftrnn_forest_forward(const swiftrnn_network *network, const swiftrnn_forest *forest,
                                        const swiftrnn_forest_forward_args *args);

/** The arguments of swiftrnn_forest_backward(): x, inputs and parameters as the forward pass had them. */
typedef struct swiftrnn_forest_backward_args {
  int64_t size;                       /**< bytes of this struct */
  const void *x;                      /**< [M, I] */
  const void *const *inputs;
  void *const *input_gradients;       /**< input_count arrays [M, width]; NULL, there or here: not wanted */
  int64_t input_count;
  const void *dy;                     /**< [M, O], or NULL: zeros */
  void *dx;                           /**< [M, I], or NULL: not wanted */
  const void *const *state_gradients; /**< state_count arrays [L, M, width] of all nodes; NULL, there or here: zeros */
  int64_t state_count;
  const void *const *parameters;
  void *const *gradients;             /**< parameter_count tensors; NULL, there or here: not wanted */
  int64_t parameter_count;
  int32_t accumulate;                 /**< 0: gradients of parameters are overwritten; 1: added to */
  int32_t reserved;                   /**< 0 */
  const void *tape;
  int64_t tape_size;
  void *workspace;
  int64_t workspace_size;
} swiftrnn_forest_backward_args;

/** Back-propagation through structure (Goller and Kuechler 1996).
 *  @retval SWIFTRNN_STATUS_MISMATCH  the tape is of another forest or network */
swiftrnn_status swiftrnn_forest_backward(const swiftrnn_network *network, const swiftrnn_forest *forest,
                                         const swiftrnn_forest_backward_args *args);

/* ==== Around a network: embedding, linear layer, loss, clipping, optimizers, sampling ==============================
 * Plain dense arrays of `dtype`; identifiers are int64_t. Scratch that these need is small and their own. They use at
 * most swiftrnn_get_num_threads() threads.                                                                          */

/** out[k, :] = weight[ids[k], :].
 *  @param weight [vocabulary, width]   @param ids [count], each in 0 ..< vocabulary   @param out [count, width] */
swiftrnn_status swiftrnn_embedding_forward(swiftrnn_dtype dtype, int64_t vocabulary, int64_t width, const void *weight,
                                           int64_t count, const int64_t *ids, void *out);

/** dweight[ids[k], :] += dout[k, :] for ascending k, starting from zeros, or from what is there if accumulate is 1.
 *  @param dweight [vocabulary, width]   @param dout [count, width] */
swiftrnn_status swiftrnn_embedding_backward(swiftrnn_dtype dtype, int64_t vocabulary, int64_t width, int64_t count,
                                            const int64_t *ids, const void *dout, int32_t accumulate, void *dweight);

/** y = x weight^T + bias. Allocates nothing for up to 8 rows, if only one thread may be used or rows * inputs * outputs is
 *  below 2^19: a layer behind a stream.
 *  @param x [rows, inputs]  @param weight [outputs, inputs]  @param bias [outputs] or NULL  @param y [rows, outputs] */
swiftrnn_status swiftrnn_linear_forward(swiftrnn_dtype dtype, int64_t rows, int64_t inputs, int64_t outputs,
                                        const void *x, const void *weight, const void *bias, void *y);

/** Any of dx [rows, inputs], dweight [outputs, inputs], dbias [outputs] may be NULL: not wanted. x may be NULL if
 *  dweight is, weight if dx is. accumulate 1 adds to dweight and dbias instead of overwriting them. */
swiftrnn_status swiftrnn_linear_backward(swiftrnn_dtype dtype, int64_t rows, int64_t inputs, int64_t outputs,
                                         const void *x, const void *weight, const void *dy, int32_t accumulate,
                                         void *dx, void *dweight, void *dbias);

/** Softmax cross-entropy, its gradient and its perplexity in one pass over the logits.
 *  loss = mean over the rows whose target is not ignore_index of  log sum exp(logits) - logits[target];  0 if none.
 *  Not an error: NaN or infinity among the logits of a row that counts, which makes the loss NaN or infinite; but
 *  -infinity of a class that is not the target is a probability of 0.
 *  @param logits [rows, classes]   @param targets [rows], each in 0 ..< classes or ignore_index
 *  @param row_losses [rows] doubles, one per row, 0 where ignored; or NULL
 *  @param dlogits [rows, classes] gradient of the loss, or NULL; may be `logits` itself
 *  @param out_loss or NULL   @param out_perplexity exp of the loss, or NULL
 *  @param out_count the rows that counted, or NULL */
swiftrnn_status swiftrnn_cross_entropy(swiftrnn_dtype dtype, int64_t rows, int64_t classes, const void *logits,
                                       const int64_t *targets, int64_t ignore_index, double *row_losses, void *dlogits,
                                       double *out_loss, double *out_perplexity, int64_t *out_count);

/** How the losses of many rows become one. */
typedef enum swiftrnn_reduction {
  SWIFTRNN_REDUCTION_MEAN = 0, /**< their sum divided by the sum of what they weigh; 0 if that is 0 */
  SWIFTRNN_REDUCTION_SUM = 1
} swiftrnn_reduction;

/** Options of swiftrnn_cross_entropy_with(). Zero, set size, then what is wanted. With them the loss of a row is, as in
 *  torch,
 *    row_weight ((1 - e) w[target] (-log p[target]) + e / classes * sum over c of w[c] (-log p[c])),  p = softmax(logits)
 *  where e is the label smoothing (Szegedy et al. 2016) and w the class weights. The mean divides by the sum of
 *  row_weight * w[target] over the rows that count. Rows that weigh nothing have the loss 0, whatever their logits. */
typedef struct swiftrnn_cross_entropy_options {
  int64_t size;                 /**< bytes of this struct */
  double label_smoothing;       /**< in [0, 1]; 0: none */
  const void *class_weights;    /**< [classes] of the call's dtype, finite and 0 or more; NULL: 1 */
  const void *row_weights;      /**< [rows] of the call's dtype, finite and 0 or more; NULL: 1 */
  swiftrnn_reduction reduction; /**< of the loss and its gradient; row losses are each row's own */
  int32_t reserved;             /**< 0 */
} swiftrnn_cross_entropy_options;

/** swiftrnn_cross_entropy() with options; NULL: none, which is the same call.
 *  @param out_perplexity exp of the mean, be the loss that or the sum
 *  @retval SWIFTRNN_STATUS_INVALID_VALUE  a target outside the classes, a weight that is negative or not finite, weights
 *                                         whose sum is not finite; nothing has been written */
swiftrnn_status swiftrnn_cross_entropy_with(swiftrnn_dtype dtype, const swiftrnn_cross_entropy_options *options,
                                            int64_t rows, int64_t classes, const void *logits, const int64_t *targets,
                                            int64_t ignore_index, double *row_losses, void *dlogits, double *out_loss,
                                            double *out_perplexity, int64_t *out_count);

/** The arguments of swiftrnn_linear_cross_entropy(). Zero, set size, then the rest. */
typedef struct swiftrnn_linear_cross_entropy_args {
  int64_t size;            /**< bytes of this struct */
  int64_t rows;
  int64_t inputs;
  int64_t classes;
  const void *x;           /**< [rows, inputs] */
  const void *weight;      /**< [classes, inputs] */
  const void *bias;        /**< [classes], or NULL: zeros */
  const int64_t *targets;  /**< [rows], each in 0 ..< classes or ignore_index */
  int64_t ignore_index;
  const swiftrnn_cross_entropy_options *options; /**< NULL: none */
  int64_t memory_limit;    /**< bytes of logits that are there at once; 0: 64 MB. At least those of 256 rows, or of 32 if
                                neither dweight nor dbias is wanted. Beside it come packed operands: a copy of weight for
                                dx, up to as much as 256 rows of logits for dweight */
  int32_t accumulate;      /**< 1 adds to dweight and dbias instead of overwriting them */
  int32_t reserved;        /**< 0 */
  double *row_losses;      /**< [rows] doubles, one per row, 0 where ignored; or NULL */
  void *dx;                /**< [rows, inputs], or NULL: not wanted */
  void *dweight;           /**< [classes, inputs], or NULL: not wanted */
  void *dbias;             /**< [classes], or NULL: not wanted. Without any of the three only the loss is computed */
  double *out_loss;        /**< or NULL, as the next two */
  double *out_perplexity;
  int64_t *out_count;
} swiftrnn_linear_cross_entropy_args;

/** swiftrnn_linear_forward(), swiftrnn_cross_entropy_with() and swiftrnn_linear_backward() in one, over blocks of rows:
 *  the logits of a large vocabulary are never in memory as a whole. All results have the bits of the three calls, whatever
 *  the memory limit. Outputs overlap nothing. */
swiftrnn_status swiftrnn_linear_cross_entropy(swiftrnn_dtype dtype, const swiftrnn_linear_cross_entropy_args *args);

/** What numbers are judged by that belong to numbers: predictions p and targets t. */
typedef enum swiftrnn_loss {
  SWIFTRNN_LOSS_BINARY_CROSS_ENTROPY = 0, /**< of logits: -(w t log s(p) + (1 - t) log s(-p)), s the sigmoid and w the
                                               positive weights, without overflow */
  SWIFTRNN_LOSS_SQUARED_ERROR = 1,        /**< (p - t)^2 */
  SWIFTRNN_LOSS_ABSOLUTE_ERROR = 2,       /**< |p - t|; the gradient is 0 where p = t */
  SWIFTRNN_LOSS_HUBER = 3                 /**< (p - t)^2 / 2 up to a distance of delta, delta (|p - t| - delta / 2) beyond
                                               (Huber 1964) */
} swiftrnn_loss;

/** Settings of swiftrnn_elementwise_loss(). Zero, set size, then the rest. */
typedef struct swiftrnn_elementwise_loss_config {
  int64_t size;                 /**< bytes of this struct */
  swiftrnn_loss loss;
  swiftrnn_reduction reduction; /**< mean: the sum of all losses, times row weights, divided by width * their sum */
  double delta;                 /**< of the Huber loss, above 0; others do not look at it */
  const void *row_weights;      /**< [rows] of the call's dtype, finite and 0 or more; NULL: 1 */
  const void *positive_weights; /**< [width] of the call's dtype, finite and 0 or more; NULL: 1. Of binary cross-entropy
                                     only: else UNSUPPORTED */
  const int64_t *lengths;       /**< [sequences] in 0 ... rows / sequences: rows are those of [T, N], and row t * N + n weighs
                                     nothing where t is lengths[n] or more; NULL: all count */
  int64_t sequences;            /**< N, which rows are a multiple of; 0 without lengths */
} swiftrnn_elementwise_loss_config;

/** A loss of numbers against numbers and its gradient, in one pass. What weighs nothing adds nothing, be it NaN.
 *  @param predictions, targets [rows, width]
 *  @param dpredictions [rows, width] gradient of the loss for predictions, or NULL; may be `predictions` itself
 *  @param out_loss or NULL; 0 if all rows together weigh nothing */
swiftrnn_status swiftrnn_elementwise_loss(swiftrnn_dtype dtype, const swiftrnn_elementwise_loss_config *config,
                                          int64_t rows, int64_t width, const void *predictions, const void *targets,
                                          void *dpredictions, double *out_loss);

/** Scales all gradients by max_norm / norm if their common 2-norm is larger than max_norm (Pascanu, Mikolov, Bengio
 *  2013). Squares may overflow or vanish: the norm is right nevertheless. A gradient that is NaN or infinite leaves all
 *  as they are.
 *  @param gradients tensor_count pointers (NULL entries are skipped)   @param elements how many numbers each has
 *  @param max_norm above 0, INFINITY to measure only
 *  @param out_norm the norm before, or NULL; INFINITY above the largest double, which clips nevertheless */
swiftrnn_status swiftrnn_clip_gradients(swiftrnn_dtype dtype, int64_t tensor_count, void *const *gradients,
                                        const int64_t *elements, double max_norm, double *out_norm);

/** Limits each number of the gradients to -limit ... limit; NaN stays NaN. Arrays as of swiftrnn_clip_gradients().
 *  @param limit above 0 */
swiftrnn_status swiftrnn_clip_values(swiftrnn_dtype dtype, int64_t tensor_count, void *const *gradients,
                                     const int64_t *elements, double limit);

/** SGD with momentum, in torch's form. v = momentum v + (g + weight_decay p);  p -= rate * v, or with nesterov
 *  p -= rate * (g + weight_decay p + momentum v). velocity may be NULL if momentum is 0; zeros at the start. */
swiftrnn_status swiftrnn_sgd_step(swiftrnn_dtype dtype, int64_t elements, double rate, double momentum,
                                  double weight_decay, int32_t nesterov, const void *gradient, void *parameter,
                                  void *velocity);

/** Settings of swiftrnn_adam_step(). Zero, set size, then all of the rest: there are no defaults. With epsilon 0 a
 *  parameter whose gradient has always been 0 becomes NaN. */
typedef struct swiftrnn_adam_config {
  int64_t size;             /**< bytes of this struct */
  double rate;              /**< for instance 1e-3 */
  double beta1;             /**< for instance 0.9, in [0, 1) */
  double beta2;             /**< for instance 0.999, in [0, 1) */
  double epsilon;           /**< for instance 1e-8 */
  double weight_decay;      /**< 0: none */
  int32_t decoupled;        /**< 0: Adam (Kingma, Ba 2015), decay joins the gradient; 1: AdamW (Loshchilov 2019) */
  int32_t reserved;         /**< 0 */
} swiftrnn_adam_config;

/** One step of Adam or AdamW. `step` counts from 1; `first` and `second` are the moments, zeros at the start.
 *  All arrays have `elements` numbers. */
swiftrnn_status swiftrnn_adam_step(swiftrnn_dtype dtype, const swiftrnn_adam_config *config, int64_t step,
                                   int64_t elements, const void *gradient, void *parameter, void *first, void *second);

/** Settings of swiftrnn_rmsprop_step(). Zero, set size, then all of the rest: there are no defaults. With epsilon 0 a
 *  parameter whose gradient has always been 0 becomes NaN. */
typedef struct swiftrnn_rmsprop_config {
  int64_t size;             /**< bytes of this struct */
  double rate;              /**< for instance 1e-2 */
  double alpha;             /**< for instance 0.99, in [0, 1) */
  double epsilon;           /**< for instance 1e-8 */
  double weight_decay;      /**< 0: none */
  double momentum;          /**< 0: none */
  int32_t centered;         /**< 1: the gradient is divided by an estimate of its standard deviation (Graves 2013) */
  int32_t reserved;         /**< 0 */
} swiftrnn_rmsprop_config;

/** One step of RMSprop (Tieleman, Hinton 2012), in torch's form. g += weight_decay p;  s = alpha s + (1 - alpha) g^2;
 *  d = g / (sqrt(s) + epsilon), centered with s - m^2 in the place of s, m = m + (1 - alpha) (g - m);  p -= rate * d, or
 *  with momentum v = momentum v + d, p -= rate * v. All arrays have `elements` numbers; s, m and v are zeros at the start.
 *  @param mean      m; may be NULL if not centered, and is left alone then
 *  @param velocity  v; may be NULL if momentum is 0, and is left alone then */
swiftrnn_status swiftrnn_rmsprop_step(swiftrnn_dtype dtype, const swiftrnn_rmsprop_config *config, int64_t elements,
                                      const void *gradient, void *parameter, void *square, void *mean, void *velocity);

/** Settings of swiftrnn_sample(). Zero, set size, then the rest. A text that can be drawn again counts its tokens:
 *
 *    swiftrnn_sample_config config = {.size = sizeof config, .temperature = 0.7, .seed = 1, .seeded = 1};
 *    for (int64_t position = 0; position < length; position++) {
 *      ...                                            logits of the token at `position`
 *      config.position = (uint64_t)position;
 *      swiftrnn_sample(SWIFTRNN_FLOAT32, &config, 1, classes, logits, &id);
 *    }
 *
 *  With a seed and the same position at every token, all would get the same random number. Without `seeded` the loop
 *  needs no position, and each text is another one. */
typedef struct swiftrnn_sample_config {
  int64_t size;             /**< bytes of this struct */
  double temperature;       /**< divides the logits; 0: the largest logit, the first of equals */
  int64_t top_k;            /**< only the k largest logits; 0: all */
  double top_p;             /**< only the smallest set of most likely classes that reaches this probability; 0 or 1: all */
  uint64_t seed;            /**< see `seeded` */
  uint64_t position;        /**< a counter: seed, position and row give the random number, whatever came before */
  int32_t seeded;           /**< 1: `seed` and `position` decide; 0: the call draws a seed, and both must be 0 */
  int32_t reserved;         /**< 0 */
} swiftrnn_sample_config;

/** Draws a class per row of logits [rows, classes]: first top_k, then top_p, both keep the lower index of equals.
 *  @param logits finite or -infinity, not all -infinity in a row: else INVALID_VALUE
 *  @param out_ids [rows] */
swiftrnn_status swiftrnn_sample(swiftrnn_dtype dtype, const swiftrnn_sample_config *config, int64_t rows,
                                int64_t classes, const void *logits, int64_t *out_ids);

/* ==== Dropout, pooling over steps, attention ======================================================================
 * On dense arrays of `dtype`, like the calls above. Which steps of a batch count: those before `lengths` [N], each in
 * 0...T, or all for NULL; and of these the ones where `mask` [T, N] is not 0, or all for NULL. Others are not read, and
 * have gradients of 0. A sequence without a step that counts gives zeros.                                           */

/** Settings of swiftrnn_dropout(). Zero, set size, then the rest. */
typedef struct swiftrnn_dropout_config {
  int64_t size;             /**< bytes of this struct */
  double p;                 /**< in [0, 1): how likely a number becomes 0 */
  int64_t layer;            /**< 0 ..< 2^31: tells the dropout layers of a model apart that have one seed */
  uint64_t seed;            /**< see `seeded` */
  int64_t first_step;       /**< 0...2^32 - T, added to a step's index in the mask: parts of a sequence */
  int64_t first_sequence;   /**< 0...2^32 - N, added to a sequence's index in the mask: parts of a batch */
  int32_t seeded;           /**< 1: `seed` and positions decide; 0: the call draws a seed, and all three must be 0 */
  int32_t reserved;         /**< 0 */
} swiftrnn_dropout_config;

/** Inverted dropout (Srivastava et al. 2014): y = mask * x / (1 - p). Its backward pass is the same call with the same
 *  seed and positions: dx = mask * dy / (1 - p). The mask is a function of seed, layer, step, sequence and unit
 *  (docs/equations.md), other than those of networks with the same seed.
 *  @param x [steps, sequences, width]   @param y [steps, sequences, width]; may be `x` itself
 *  @param out_seed the seed of the mask, or NULL; 0 if none was given and p is 0 */
swiftrnn_status swiftrnn_dropout(swiftrnn_dtype dtype, const swiftrnn_dropout_config *config, int64_t steps,
                                 int64_t sequences, int64_t width, const void *x, void *y, uint64_t *out_seed);

/** What becomes of the steps of a sequence. */
typedef enum swiftrnn_pool_kind {
  SWIFTRNN_POOL_LAST = 0,     /**< the last step; of two directions the second half of the columns is the first step's */
  SWIFTRNN_POOL_MEAN = 1,     /**< the mean, right also where the sum is too large */
  SWIFTRNN_POOL_MAX = 2,      /**< the largest of each column, NaN if one is; the first of equals has the gradient */
  SWIFTRNN_POOL_ATTENTION = 3 /**< sum of w_t y_t, w = softmax of query . tanh(W y_t + b) (Yang et al. 2016) */
} swiftrnn_pool_kind;

/** Settings of swiftrnn_pool_forward() and swiftrnn_pool_backward(). Zero, set size, then the rest. */
typedef struct swiftrnn_pool_config {
  int64_t size;             /**< bytes of this struct */
  swiftrnn_pool_kind kind;
  int32_t num_directions;   /**< 0 or 1: one; of LAST also 2: columns are [forward, reverse] side by side */
  int64_t width;            /**< W */
  int64_t attention_size;   /**< A of ATTENTION; else 0 */
} swiftrnn_pool_config;

/** Arguments of swiftrnn_pool_forward(). Zero, set size, then the rest. */
typedef struct swiftrnn_pool_args {
  int64_t size;             /**< bytes of this struct */
  int64_t steps;            /**< T */
  int64_t sequences;        /**< N */
  const int64_t *lengths;   /**< [N] or NULL */
  const uint8_t *mask;      /**< [T, N] or NULL */
  const void *y;            /**< [T, N, W] */
  const void *weight;       /**< [A, W]: of ATTENTION, as the next two; else NULL */
  const void *bias;         /**< [A], or NULL: zeros */
  const void *query;        /**< [A] */
  void *out;                /**< [N, W] */
  void *weights;            /**< [T, N], of ATTENTION: how much each step counts; NULL: not wanted */
} swiftrnn_pool_args;

/** Arguments of swiftrnn_pool_backward(). Zero, set size, then the rest. */
typedef struct swiftrnn_pool_backward_args {
  int64_t size;             /**< bytes of this struct */
  int64_t steps;
  int64_t sequences;
  const int64_t *lengths;
  const uint8_t *mask;
  const void *y;            /**< as in the forward pass; of LAST and MEAN it may be NULL */
  const void *weight;
  const void *bias;
  const void *query;
  const void *dout;         /**< [N, W] */
  void *dy;                 /**< [T, N, W], or NULL: not wanted, as the next three */
  void *dweight;            /**< [A, W] */
  void *dbias;              /**< [A] */
  void *dquery;             /**< [A] */
  int32_t accumulate;       /**< 0: gradients of parameters are overwritten; 1: added to */
  int32_t reserved;         /**< 0 */
} swiftrnn_pool_backward_args;

/** Pools the steps of a batch: [T, N, W] gives [N, W]. */
swiftrnn_status swiftrnn_pool_forward(swiftrnn_dtype dtype, const swiftrnn_pool_config *config,
                                      const swiftrnn_pool_args *args);

/** The gradients of a loss whose gradient for `out` is `dout`. */
swiftrnn_status swiftrnn_pool_backward(swiftrnn_dtype dtype, const swiftrnn_pool_config *config,
                                       const swiftrnn_pool_backward_args *args);

/** How a query q and a key k are scored. */
typedef enum swiftrnn_attention_kind {
  SWIFTRNN_ATTENTION_DOT = 0,     /**< q . k, Q = K (Luong, Pham, Manning 2015) */
  SWIFTRNN_ATTENTION_GENERAL = 1, /**< q . (W k) (the same); weight [Q, K] */
  SWIFTRNN_ATTENTION_CONCAT = 2,  /**< v . tanh(W [q; k] + b) (the same, without b); weight [A, Q + K], bias, score */
  SWIFTRNN_ATTENTION_ADDITIVE = 3 /**< v . tanh(W q + U k + b) (Bahdanau, Cho, Bengio 2015, whose equations leave
                                       biases out); query_weight (W) [A, Q], weight (U) [A, K], bias, score (v) */
} swiftrnn_attention_kind;

/** Settings of attention. Zero, set size, then the rest. */
typedef struct swiftrnn_attention_config {
  int64_t size;             /**< bytes of this struct */
  swiftrnn_attention_kind kind;
  int32_t reserved;         /**< 0 */
  int64_t query_size;       /**< Q */
  int64_t key_size;         /**< K */
  int64_t value_size;       /**< V: K where the keys are the values */
  int64_t attention_size;   /**< A of CONCAT and ADDITIVE; else 0 */
  double scale;             /**< multiplies the scores; 0: 1 */
} swiftrnn_attention_config;

/** Arguments of swiftrnn_attention_memory() and swiftrnn_attention_forward(). Zero, set size, then the rest.
 *
 *  The memory is what keys alone give, [T, N, M]: k (DOT, M = K), W k (GENERAL, M = Q; CONCAT and ADDITIVE, M = A, there
 *  with b). A decoder that attends once for each of its steps makes it once and hands it to each call; a call without
 *  one makes its own. */
typedef struct swiftrnn_attention_args {
  int64_t size;             /**< bytes of this struct */
  int64_t steps;            /**< T of the keys */
  int64_t sequences;        /**< N */
  int64_t query_steps;      /**< Tq of the queries */
  const int64_t *lengths;   /**< [N] of the keys, or NULL */
  const uint8_t *mask;      /**< [T, N] of the keys, or NULL */
  const void *queries;      /**< [Tq, N, Q] */
  const void *keys;         /**< [T, N, K]; may be NULL if there are memory and values */
  const void *values;       /**< [T, N, V], or NULL: the keys */
  const void *query_weight; /**< the parameters that the kind has; else NULL. With a memory `weight` may be NULL, but for
                                 CONCAT */
  const void *weight;
  const void *bias;         /**< [A], or NULL: zeros */
  const void *score;        /**< [A] */
  void *memory;             /**< [T, N, M]: written by swiftrnn_attention_memory(), and read by the forward pass, or NULL */
  void *context;            /**< [Tq, N, V] */
  void *weights;            /**< [Tq, N, T]: how much each key counts, which the backward pass takes; NULL: not wanted */
} swiftrnn_attention_args;

/** Arguments of swiftrnn_attention_backward() and swiftrnn_attention_memory_backward(). Zero, set size, then the rest.
 *  Every gradient may be NULL: not wanted. */
typedef struct swiftrnn_attention_backward_args {
  int64_t size;             /**< bytes of this struct */
  int64_t steps;            /**< from here to `memory` as in the forward pass */
  int64_t sequences;
  int64_t query_steps;
  const int64_t *lengths;
  const uint8_t *mask;
  const void *queries;
  const void *keys;
  const void *values;
  const void *query_weight;
  const void *weight;
  const void *bias;
  const void *score;
  const void *memory;
  const void *weights;      /**< [Tq, N, T], as the forward pass gave them */
  const void *dcontext;     /**< [Tq, N, V] */
  void *dqueries;           /**< [Tq, N, Q], overwritten */
  void *dkeys;              /**< [T, N, K]: all that reaches the keys; not with a memory */
  void *dvalues;            /**< [T, N, V]: of the values; with a memory also of keys that are the values */
  void *dmemory;            /**< [T, N, M]: only with a memory; of the memory's own backward pass the input */
  void *dquery_weight;      /**< gradients of parameters; with a memory of the queries' alone: no dbias, of CONCAT the */
  void *dweight;            /**< columns of dweight that queries are multiplied by, of GENERAL and ADDITIVE no dweight */
  void *dbias;
  void *dscore;
  int32_t accumulate;       /**< 0: gradients of parameters are overwritten; 1: added to */
  int32_t accumulate_keys;  /**< the same of dkeys, dvalues and dmemory: over the steps of a decoder */
} swiftrnn_attention_backward_args;

/** Makes the memory of keys. Reads keys, weight and bias, and which keys count; the rest of the arguments is not looked
 *  at. */
swiftrnn_status swiftrnn_attention_memory(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
                                          const swiftrnn_attention_args *args);

/** weights = softmax of scale * score over the keys that count, context = sum of weights * values, for all queries. The
 *  bits of a query do not depend on the others. Scores that are all -infinity give zeros. */
swiftrnn_status swiftrnn_attention_forward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
                                           const swiftrnn_attention_args *args);

/** The gradients of a loss whose gradient for `context` is `dcontext`. */
swiftrnn_status swiftrnn_attention_backward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
                                            const swiftrnn_attention_backward_args *args);

/** From the gradient of a memory, `dmemory`, to dkeys, dweight (of CONCAT the columns that keys are multiplied by) and
 *  dbias. Reads dmemory, keys (may be NULL if dweight is), weight, and which keys count; the rest of the arguments is not
 *  looked at. */
swiftrnn_status swiftrnn_attention_memory_backward(swiftrnn_dtype dtype, const swiftrnn_attention_config *config,
                                                   const swiftrnn_attention_backward_args *args);

#ifdef __cplusplus
}
#endif
#endif /* SWIFTRNN_H */
