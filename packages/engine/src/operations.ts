/**
 * The operations of the engine, and the arguments of each in the order of its call record.
 *
 * This list is the whole interface between the host, which compiles a layer plan into calls, and the WebAssembly, which runs
 * them: the build turns it into constants for the AssemblyScript side, so the two cannot disagree.
 *
 * Conventions. Addresses, `…Bytes` and tables are in bytes; a table is an array of u32 byte offsets. A *panel* is 16 output
 * channels. Channel counts of activations are padded to panels, padding channels hold zeros; only the network's input keeps its
 * own number of channels. An *image layout* `[N, H, W, C]` is an address of pixel (0, 0) of image 0, `imageBytes` and `rowBytes`;
 * pixels of a row are adjacent. A *padded* activation has a border of zeros around it (1 before; after it as many as Winograd
 * tiles overhang, at least 1) that nothing writes. A *line* is one row of pixels of one image: N·H in all.
 *
 * Each operation has independent *units* of work; a thread takes a contiguous range of them. How units are dealt out never
 * changes a bit of the result.
 *
 * Layouts of parameters and of their gradients: 3×3 kernels of Winograd blocks `[co/16][ci][9][16]`, of direct blocks
 * `[co/16][9][ci][16]`, 1×1 kernels `[co/16][ci][16]`, the classifier `[classes/16][features][16]`.
 *
 * Groups. `panelsPerGroup` panels of output channels read one slice of the input's channels, the next as many the next slice;
 * `ci` above is then the slice's. Without groups, all panels are one group. Groups and slices are whole panels.
 */
export const OPERATIONS = {
  /** Copies dense lines into an image layout. Units: lines. */
  padInput: ["source", "target", "imageBytes", "rowBytes", "height", "lineBytes"],

  /**
   * out[outputTable[i], panel p] (+)= Σ_run in[inputTable[i] + runTable[run] + 0…runFloats] · weights[p] (+ bias) (then ReLU).
   *
   * Every convolution without Winograd, their input gradients, and the classifier. Weights of panel p are at
   * `weights + p · runs · runFloats · 64`; output and bias of panel p are 64 bytes apart. `accumulate` adds to what the output
   * holds, without bias or ReLU. The first offset of `runTable` is 0. A group's inputs are `groupBytes` after those of the group
   * before. Rows are taken `chunk` at a time over all panels. Units: rows, or panels if `splitPanels`.
   */
  convolve: [
    "input",
    "inputTable",
    "runFloats",
    "runs",
    "runTable",
    "weights",
    "bias",
    "output",
    "outputTable",
    "rows",
    "panels",
    "panelsPerGroup",
    "groupBytes",
    "chunk",
    "accumulate",
    "relu",
    "splitPanels",
  ],

  /**
   * Weights of an input gradient: element (tap, c, n) of `source`, at `(n/16) · panelBytes + c · channelBytes + tap · tapBytes +
   * (n%16) · 4`, goes to `target + (c/16) · targetPanelBytes + n · targetChannelBytes + i · targetTapBytes + (c%16) · 4` where
   * tap = taps[i] (an i32 table, not in bytes). c and n run over whole panels, n over the `outputChannels` of c's group, which
   * has `panelsPerGroup` panels of c. Units: panels of c.
   */
  transposeWeights: [
    "source",
    "panelBytes",
    "channelBytes",
    "tapBytes",
    "taps",
    "tapCount",
    "outputChannels",
    "panelsPerGroup",
    "target",
    "targetPanelBytes",
    "targetChannelBytes",
    "targetTapBytes",
  ],

  /**
   * V = Bᵀ x B of Winograd F(4×4, 3×3) for every tile. `input` is the padded corner (−1, −1) of image 0; tile t = (n, ty, tx)
   * starts at `n · imageBytes + 4·ty · rowBytes + 4·tx` pixels. Plane q of tile t, channel c: `planes + q · planeBytes +
   * (t · channels + c) · 4`. Units: tiles.
   */
  winogradInput: ["input", "imageBytes", "rowBytes", "channels", "tilesX", "tilesPerImage", "planes", "planeBytes"],

  /**
   * U = G g Gᵀ of every tap of `[co/16][ci][9][16]` weights of `channels` ci: slot s of panel p at `target + s · planeBytes + p · ci · 64` (the
   * order of slots is the kernels' own). Units: panels.
   */
  winogradWeights: ["weights", "channels", "target", "planeBytes"],

  /**
   * y = Aᵀ [Σ_ci U ∘ V] A, clipped to height × width, (+ bias, ReLU) or added to the output. `output` is pixel (0, 0) of image 0.
   *
   * `transformInput` 1: transforms the chunk's input itself first (arguments as `winogradInput`), into its tiles of `planes`,
   * or, if `planes` is 0, into the thread's scratch. `transformed` 0: `weights` are raw `[co/16][ci][9][16]`, transformed on the
   * way a panel at a time; 1: as `winogradWeights` made them with `weightPlaneBytes`. Tiles are taken `chunk` at a time.
   * Of the input's `channels`, a group of panels reads `groupChannels`. Units: panels if `splitPanels` (then the input must be
   * transformed already), else chunks of tiles.
   */
  winograd: [
    "input",
    "imageBytes",
    "rowBytes",
    "channels",
    "tilesX",
    "tilesPerImage",
    "planes",
    "planeBytes",
    "transformInput",
    "tiles",
    "weights",
    "transformed",
    "weightPlaneBytes",
    "bias",
    "output",
    "outputImageBytes",
    "outputRowBytes",
    "outputChannels",
    "height",
    "width",
    "groupChannels",
    "panelsPerGroup",
    "accumulate",
    "relu",
    "chunk",
    "splitPanels",
  ],

  /**
   * D = A dy Aᵀ for every tile, planes as `winogradInput`. `gradient` is pixel (0, 0) of image 0 of a padded layout whose zeros
   * reach at least to the last tile's end. Units: tiles.
   */
  winogradGradient: [
    "gradient",
    "imageBytes",
    "rowBytes",
    "channels",
    "tilesX",
    "tilesPerImage",
    "planes",
    "planeBytes",
  ],

  /** dW = Gᵀ [Σ_tiles V ⊗ D] G as `[co/16][ci][9][16]`, of input and output channels of the same group. Units: panels of input channels. */
  winogradKernelGradient: [
    "planes",
    "planeBytes",
    "gradientPlanes",
    "gradientPlaneBytes",
    "tiles",
    "channels",
    "outputChannels",
    "groupChannels",
    "panelsPerGroup",
    "target",
  ],

  /**
   * dW[p][k][16] = Σ_rows in[inputTable[i] + element k of the runs] ⊗ gradient[gradientTable[i], panel p]: the transpose of
   * `convolve`. Rows are summed `chunk` at a time, then the chunks in order. Units: k (runs · runFloats), or panels if `splitPanels`.
   */
  kernelGradient: [
    "input",
    "inputTable",
    "runFloats",
    "runs",
    "runTable",
    "gradient",
    "gradientTable",
    "rows",
    "panels",
    "panelsPerGroup",
    "groupBytes",
    "chunk",
    "target",
    "splitPanels",
  ],

  /**
   * Partial sums of x − shift and of its square over the lines of each part, shift being pixel (0, 0) of image 0, to avoid
   * cancellation. Part i has lines [lines·i/parts, lines·(i+1)/parts); its sums are `sums + i · 2 · channels · 4`. Units: parts.
   */
  batchNormSums: ["x", "imageBytes", "rowBytes", "height", "width", "channels", "lines", "parts", "sums"],

  /**
   * From the partial sums: mean and 1/√(var + ε) (biased), scale = γ/√(var + ε), bias (+)= β − mean · scale, and the running
   * statistics (unbiased variance), combined in float64. `momentum`, `epsilon` and `count` (elements a channel) are f32 bits.
   * `accumulateBias` adds to the bias that an earlier branch of the block left. Units: panels.
   */
  batchNormForward: [
    "x",
    "channels",
    "parts",
    "sums",
    "count",
    "gamma",
    "beta",
    "runningMean",
    "runningVar",
    "momentum",
    "epsilon",
    "mean",
    "invStd",
    "scale",
    "bias",
    "accumulateBias",
  ],

  /** scale = γ/√(runningVar + ε), bias (+)= β − runningMean · scale. Units: panels. */
  batchNormInference: ["gamma", "beta", "runningMean", "runningVar", "epsilon", "scale", "bias", "accumulateBias"],

  /**
   * y = Σ_i xᵢ · scaleᵢ + bias (then ReLU) over two dense branches and, unless `x2` is 0, the identity in an image layout.
   * `y` is pixel (0, 0) of image 0. Units: lines.
   */
  combine: [
    "x0",
    "x1",
    "x2",
    "x2ImageBytes",
    "x2RowBytes",
    "y",
    "imageBytes",
    "rowBytes",
    "height",
    "width",
    "channels",
    "scale0",
    "scale1",
    "scale2",
    "bias",
    "relu",
  ],

  /**
   * With g = dy · (y > 0): partial sums of g and of g · (xᵢ − meanᵢ), parts as `batchNormSums`, four vectors of channels a part
   * (the fourth only with `x2`). `dy`, `x0`, `x1` are dense; `y` and `x2` image layouts. Units: parts.
   */
  batchNormBackwardSums: [
    "dy",
    "y",
    "imageBytes",
    "rowBytes",
    "x0",
    "x1",
    "x2",
    "x2ImageBytes",
    "x2RowBytes",
    "mean0",
    "mean1",
    "mean2",
    "height",
    "width",
    "channels",
    "lines",
    "parts",
    "sums",
  ],

  /**
   * dγ, dβ of branch `branch` (0, 1, 2) and the coefficients of its input gradient dx = g · u + x · v + w, three vectors of
   * channels, combined in float64. `count` is f32 bits. Units: panels.
   */
  batchNormBackward: [
    "channels",
    "parts",
    "sums",
    "branch",
    "count",
    "gamma",
    "mean",
    "invStd",
    "gammaGradient",
    "betaGradient",
    "coefficients",
  ],

  /**
   * dxᵢ = g · uᵢ + xᵢ · vᵢ + wᵢ with g = dy · (y > 0): `d0` into an image layout, `d1` dense, `d2` dense (with `x2`).
   * `d1` may be `x1` and `d2` may be `dy`: an element is read before it is written.
   * Units: lines.
   */
  batchNormBackwardInput: [
    "dy",
    "y",
    "imageBytes",
    "rowBytes",
    "x0",
    "x1",
    "x2",
    "x2ImageBytes",
    "x2RowBytes",
    "d0",
    "d0ImageBytes",
    "d0RowBytes",
    "d1",
    "d2",
    "height",
    "width",
    "channels",
    "coefficients0",
    "coefficients1",
    "coefficients2",
  ],

  /** Means over the pixels of each image: image layout → `[N, channels]`. Units: N · panels. */
  averagePool: ["input", "imageBytes", "rowBytes", "height", "width", "channels", "output"],

  /** dx of `averagePool`, dense. Units: lines. */
  averagePoolGradient: ["gradient", "height", "width", "channels", "output"],

  /**
   * Zeroes what a kernel's gradient holds between channels of different groups, where several groups of the network are one of the
   * kernels'. Element (tap, c, n of panel p) is at `gradient + p · panelBytes + c · channelBytes + tap · tapBytes + n · 4`; c and
   * the panel, counted in its group of `panelsPerGroup`, have `inputs` and `outputs` channels to a group of the network.
   * Units: panels.
   */
  clearBetweenGroups: [
    "gradient",
    "panelBytes",
    "channelBytes",
    "tapBytes",
    "channels",
    "tapCount",
    "panelsPerGroup",
    "inputs",
    "outputs",
  ],

  /** y = 1 / (1 + exp(−x)) of panels that lie side by side. Units: panels. */
  sigmoid: ["x", "y"],

  /** y = ReLU(x) · scale over the pixels of each image; `scale` is `[N, channels]`. In place if the layouts are one. Units: lines. */
  gate: ["x", "xImageBytes", "xRowBytes", "scale", "y", "imageBytes", "rowBytes", "height", "width", "channels"],

  /**
   * The gradient of what {@link gate}'s sigmoid was taken of: Σ_pixels dy · ReLU(x) · scale · (1 − scale). `dy` is dense.
   * Units: N · panels.
   */
  gateScaleGradient: ["dy", "x", "imageBytes", "rowBytes", "scale", "height", "width", "channels", "output"],

  /**
   * dy = dy · (x > 0) · scale + pooled / (height · width), in place and dense: the gradient of {@link gate}'s input, and of the
   * mean of each image over that input, whose own gradient is `pooled` `[N, channels]`. Units: lines.
   */
  gateInputGradient: ["dy", "x", "imageBytes", "rowBytes", "scale", "pooled", "height", "width", "channels"],

  /**
   * Puts rows of an array in HWIO order into panels. Row r = firstRow, firstRow + 1, …, of `rows` that lie `rowBytes` apart from
   * `source` on, is tap ⌊r / inputs⌋ of input channel r mod inputs. Piece i of every row, [first, length, begin] = the three i32 at
   * `pieces + 12 · i`, is the floats from `first` on, 16 at most, and goes to `target + 4 · begin + tap · tapBytes + input · inputBytes`.
   * Where floats are not finite, the sign of one of the 16 i32 at `special + 64 · i` is set. Units: pieces.
   */
  arrangeRows: [
    "source",
    "rowBytes",
    "firstRow",
    "rows",
    "inputs",
    "pieces",
    "target",
    "tapBytes",
    "inputBytes",
    "special",
  ],

  /** gradient = gradient · (y > 0), in place, of panels that lie side by side. Units: panels. */
  reluGradient: ["gradient", "y"],

  /** Sums over rows of `[rows, channels]`: the gradient of a bias. Units: panels. */
  columnSums: ["input", "rows", "channels", "output"],

  /**
   * PyTorch's SGD over `parameters`, `gradients`, `velocity` that lie side by side:
   * g = scale · g + decay · p;  v = momentum · v + g;  p −= lr · (nesterov ? g + momentum · v : v).
   * `settings` is the address of f32 [lr, momentum, decay, scale, nesterov ? 1 : 0]. Units: 16 floats.
   */
  sgd: ["parameters", "gradients", "velocity", "settings"],

  /**
   * PyTorch's AdamW: g = scale · g;  m = β₁ · m + (1 − β₁) · g;  v = β₂ · v + (1 − β₂) · g²;
   * p = p · keep − rate · m / (√v · factor + ε).
   * `settings` is the address of f32 [scale, β₁, 1 − β₁, β₂, 1 − β₂, keep, rate, factor, ε]. Units: 16 floats.
   */
  adamw: ["parameters", "gradients", "first", "second", "settings"],

  /** target = keep · target + weight · source, where keep 0 reads no target; `settings`: f32 [keep, weight]. Units: 16 floats. */
  blend: ["source", "target", "settings"],

  /**
   * Gradients of w/2 · `customL2` of a block, added to those of its kernels `[co/16][ci][9][16]` or `[co/16][9][ci][16]` and
   * `[co/16][ci][16]`: w · K₃ around the centre; with E = t₃ · K₃ + t₁ · K₁ there and t = γ/√(runningVar + ε), w · E · t₃ / (t₃² + t₁²)
   * and w · E · t₁ / (t₃² + t₁²), or 0 where both t are. Element (tap, c) of a panel of `dense` is at `c · channelBytes + tap · tapBytes`;
   * gradients are `gradientOffset` after kernels. `epsilon` is f32 bits; `settings`: f32 [w]. Units: panels.
   */
  customL2: [
    "dense",
    "pointwise",
    "gradientOffset",
    "channels",
    "channelBytes",
    "tapBytes",
    "gamma3",
    "runningVar3",
    "gamma1",
    "runningVar1",
    "epsilon",
    "settings",
  ],

  /** Sums of squares of `chunk` panels each, of `panels` in all, the last perhaps of fewer, as f64. Units: sums. */
  squaredSums: ["input", "panels", "chunk", "sums"],
} as const satisfies Record<string, readonly string[]>;

export type OperationName = keyof typeof OPERATIONS;

/** Values of every argument of an operation. */
export type OperationArguments<Name extends OperationName> = {
  readonly [Argument in (typeof OPERATIONS)[Name][number]]: number;
};

/** An i32 call record: operation, units, scratch address, scratch bytes a thread, then the arguments. */
export const CALL_RECORD = { bytes: 128, operation: 0, units: 1, scratch: 2, scratchBytes: 3, arguments: 4 } as const;

/** The first bytes of the memory belong to the threads' rendezvous and to constants of the kernels. */
export const RESERVED_BYTES = 4096;

/** As many as the rendezvous has room for. */
export const MOST_THREADS = 256;
