// What an update does to parameters that lie side by side. All of it waits for memory, so that plain vectors are fast enough.
import { Adamw, Blend, PANEL_BYTES, SquaredSums } from "./generated";

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
