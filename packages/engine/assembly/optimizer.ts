// What an update does to parameters that lie side by side. All of it waits for memory, so that plain vectors are fast enough.
import { Adamw, Blend, CustomL2, PANEL_BYTES, SquaredSums } from "./generated";

/** Bytes of a vector. */
const VECTOR: i32 = 16;

export function adamw(call: Adamw, start: i32, end: i32): void {
  const settings = call.settings;
  const scale = v128.load_splat<f32>(settings),
    beta1 = v128.load_splat<f32>(settings, 4),
    fresh1 = v128.load_splat<f32>(settings, 8),
    beta2 = v128.load_splat<f32>(settings, 12),
    fresh2 = v128.load_splat<f32>(settings, 16),
    keep = v128.load_splat<f32>(settings, 20),
    rate = v128.load_splat<f32>(settings, 24),
    factor = v128.load_splat<f32>(settings, 28),
    epsilon = v128.load_splat<f32>(settings, 32);
  for (let at = start * PANEL_BYTES; at < end * PANEL_BYTES; at += VECTOR) {
    const g = f32x4.mul(v128.load(call.gradients + at), scale);
    const m = f32x4.add(f32x4.mul(v128.load(call.first + at), beta1), f32x4.mul(g, fresh1));
    const v = f32x4.add(f32x4.mul(v128.load(call.second + at), beta2), f32x4.mul(f32x4.mul(g, g), fresh2));
    const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(v), factor), epsilon);
    const step = f32x4.div(f32x4.mul(m, rate), deviation);
    v128.store(call.first + at, m);
    v128.store(call.second + at, v);
    v128.store(call.parameters + at, f32x4.sub(f32x4.mul(v128.load(call.parameters + at), keep), step));
  }
}

export function blend(call: Blend, start: i32, end: i32): void {
  const keep = v128.load_splat<f32>(call.settings),
    weight = v128.load_splat<f32>(call.settings, 4);
  const fresh = load<f32>(call.settings) === 0;
  for (let at = start * PANEL_BYTES; at < end * PANEL_BYTES; at += VECTOR) {
    let value = f32x4.mul(v128.load(call.source + at), weight);
    if (!fresh) value = f32x4.add(f32x4.mul(v128.load(call.target + at), keep), value);
    v128.store(call.target + at, value);
  }
}

/** γ / √(σ² + ε) of the four channels at `offset`. */
function scaleOf(gamma: i32, runningVar: i32, offset: i32, epsilon: f32): v128 {
  const deviation = f32x4.sqrt(f32x4.add(v128.load(runningVar + offset), f32x4.splat(epsilon)));
  return f32x4.div(v128.load(gamma + offset), deviation);
}

/** gradient += kernel · factor. */
function addProduct(gradient: i32, x: v128, factor: v128): void {
  v128.store(gradient, f32x4.add(v128.load(gradient), f32x4.mul(x, factor)));
}

const TAPS: i32 = 9;
const CENTRE: i32 = 4;

export function customL2(call: CustomL2, start: i32, end: i32): void {
  const weight = v128.load_splat<f32>(call.settings);
  const zero = f32x4.splat(0);
  const epsilon = reinterpret<f32>(call.epsilon);
  const offset = call.gradientOffset;
  for (let panel = start; panel < end; panel++) {
    for (let lane = 0; lane < PANEL_BYTES; lane += VECTOR) {
      const channel = panel * PANEL_BYTES + lane;
      const t3 = scaleOf(call.gamma3, call.runningVar3, channel, epsilon),
        t1 = scaleOf(call.gamma1, call.runningVar1, channel, epsilon);
      const norm = f32x4.add(f32x4.mul(t3, t3), f32x4.mul(t1, t1));
      const factor = v128.and(f32x4.div(weight, norm), f32x4.gt(norm, zero));
      const dense = call.dense + panel * call.channels * TAPS * PANEL_BYTES + lane;
      const pointwise = call.pointwise + panel * call.channels * PANEL_BYTES + lane;
      for (let c = 0; c < call.channels; c++) {
        const row = dense + c * call.channelBytes;
        for (let tap = 0; tap < TAPS; tap++) {
          if (tap === CENTRE) continue;
          const at = row + tap * call.tapBytes;
          addProduct(at + offset, v128.load(at), weight);
        }
        const centre = row + CENTRE * call.tapBytes,
          point = pointwise + c * PANEL_BYTES;
        const equivalent = f32x4.add(f32x4.mul(v128.load(centre), t3), f32x4.mul(v128.load(point), t1));
        const normalised = f32x4.mul(equivalent, factor);
        addProduct(centre + offset, normalised, t3);
        addProduct(point + offset, normalised, t1);
      }
    }
  }
}

export function squaredSums(call: SquaredSums, start: i32, end: i32): void {
  for (let unit = start; unit < end; unit++) {
    const first = unit * call.chunk;
    const last = min(first + call.chunk, call.panels);
    let even = f64x2.splat(0),
      odd = f64x2.splat(0);
    for (let at = first * PANEL_BYTES; at < last * PANEL_BYTES; at += VECTOR) {
      const x = v128.load(call.input + at);
      const low = f64x2.promote_low_f32x4(x),
        high = f64x2.promote_low_f32x4(v128.shuffle<f64>(x, x, 1, 0));
      even = f64x2.add(even, f64x2.mul(low, low));
      odd = f64x2.add(odd, f64x2.mul(high, high));
    }
    const sum = f64x2.add(even, odd);
    store<f64>(call.sums + unit * 8, f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1));
  }
}
