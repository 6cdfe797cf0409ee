/**
 * What the threads of a reduction carry, as WGSL: the state of some elements, how an element joins it, how two states
 * become one.
 *   sum     the sum itself; integers wrap
 *   max     for floats the bits as an ordered integer, so that NaN wins on every device whatever its `max` does
 *   argMax  such a key with the element's position; of equal keys the first position wins
 * The key of a float with bits b is b for b ≥ 0 and b ^ 0x7fffffff otherwise (negative numbers in rising order); of a
 * NaN the largest integer. argMax takes −0 for 0, as comparison does; max tells them apart, as the reference does.
 */
import type { BufferIndex, Dtype, Reducer } from '@hessian-free/tensor'
import type { KernelBindings, Lanes } from './kernelBindings.ts'
import { valueType } from './kernelBindings.ts'

export interface ReducerState {
  /** WGSL type of a state over lanes: of one element, or of four side by side where states have lanes. */
  type(lanes: Lanes): string
  /** Declarations that the other members need. */
  readonly module: string
  /** The state of no elements. */
  identity(lanes: Lanes): string
  /** Statements: `value` (of the element at `position`, a u32 expression, or of four from there) joins `state`. */
  join(state: string, value: string, position: string, lanes: Lanes): string
  combine(first: string, second: string): string
  /** The state of all four lanes together. */
  fold(state: string): string
  /** The reduced value of each lane. */
  result(state: string, lanes: Lanes): string
  /** The dtype and number of words of a state in memory. */
  readonly partial: { readonly dtype: Dtype; readonly words: 1 | 2 }
  /** Reads state number `index` of those with as many lanes; with four the workspace is bound as vectors. */
  load(bindings: KernelBindings, workspace: BufferIndex, index: string, lanes: Lanes): string
  /** Writes it. */
  store(bindings: KernelBindings, workspace: BufferIndex, index: string, state: string, lanes: Lanes): string
}

const components = ['x', 'y', 'z', 'w'] as const

/** States of one word: what is combined is a number. */
function wordState(
  dtype: Dtype,
  identity: string,
  combine: (first: string, second: string) => string,
  convert: {
    readonly module: string
    toState(value: string, lanes: Lanes): string
    result(state: string, lanes: Lanes): string
  },
): ReducerState {
  return {
    type: (lanes) => valueType(dtype, lanes),
    module: convert.module,
    identity: (lanes) => `${valueType(dtype, lanes)}(${identity})`,
    join: (state, value, _, lanes) => `${state} = ${combine(state, convert.toState(value, lanes))};\n`,
    combine,
    fold: (state) => {
      const [x, y, z, w] = components.map((component) => `${state}.${component}`)
      return combine(combine(x, y), combine(z, w))
    },
    result: (state, lanes) => convert.result(state, lanes),
    partial: { dtype, words: 1 },
    load: (bindings, workspace, index, lanes) =>
      lanes === 4 ? bindings.loadVector(workspace, index) : bindings.load(workspace, index),
    store: (bindings, workspace, index, state, lanes) =>
      lanes === 4 ? bindings.storeVector(workspace, index, state) : bindings.store(workspace, index, state),
  }
}

const plain = { module: '', toState: (value: string) => value, result: (state: string) => state }

function sumState(dtype: Dtype): ReducerState {
  return wordState(dtype, dtype === 'float32' ? '0.0' : '0', (a, b) => `(${a} + ${b})`, plain)
}

const leastSigned = '-2147483648'

const floatKeys = `fn maximum_key(x: f32) -> i32 {
let bits = bitcast<i32>(x);
let ordered = select(bits, bits ^ 0x7fffffff, bits < 0);
return select(ordered, 0x7fffffff, (bits & 0x7fffffff) > 0x7f800000);
}
fn maximum_keys(x: vec4<f32>) -> vec4<i32> {
let bits = bitcast<vec4<i32>>(x);
let ordered = select(bits, bits ^ vec4<i32>(0x7fffffff), bits < vec4<i32>(0));
return select(ordered, vec4<i32>(0x7fffffff), (bits & vec4<i32>(0x7fffffff)) > vec4<i32>(0x7f800000));
}
fn maximum_of_key(key: i32) -> f32 {
return bitcast<f32>(select(key, key ^ 0x7fffffff, key < 0));
}
fn maxima_of_keys(keys: vec4<i32>) -> vec4<f32> {
return bitcast<vec4<f32>>(select(keys, keys ^ vec4<i32>(0x7fffffff), keys < vec4<i32>(0)));
}
`

function maxState(dtype: Dtype): ReducerState {
  const larger = (a: string, b: string): string => `max(${a}, ${b})`
  if (dtype !== 'float32') return wordState(dtype, dtype === 'int32' ? leastSigned : '0', larger, plain)
  return wordState('int32', leastSigned, larger, {
    module: floatKeys,
    toState: (value, lanes) => (lanes === 1 ? `maximum_key(${value})` : `maximum_keys(${value})`),
    result: (state, lanes) => (lanes === 1 ? `maximum_of_key(${state})` : `maxima_of_keys(${state})`),
  })
}

const positionKeys: Partial<Record<Dtype, string>> = {
  float32: `fn position_key(x: f32) -> i32 {
let bits = bitcast<i32>(x);
let size = bits & 0x7fffffff;
if (size > 0x7f800000) { return 0x7fffffff; }
return select(bits, -size, bits < 0);
}
`,
  int32: 'fn position_key(x: i32) -> i32 { return x; }\n',
  uint32: 'fn position_key(x: u32) -> i32 { return bitcast<i32>(x ^ 0x80000000u); }\n',
}

/** The best element so far; a position beyond all others marks the state of no elements. */
const bestStruct = `struct Best { key: i32, position: u32 }
fn better(a: Best, b: Best) -> Best {
if (b.key > a.key || (b.key == a.key && b.position < a.position)) { return b; }
return a;
}
`

function argMaxState(dtype: Dtype): ReducerState {
  const joined = (state: string, value: string, position: string): string =>
    `${state} = better(${state}, Best(position_key(${value}), ${position}));\n`
  return {
    type: () => 'Best',
    module: `${bestStruct}${positionKeys[dtype] ?? ''}`,
    identity: () => `Best(${leastSigned}, 0xffffffffu)`,
    join: (state, value, position, lanes) =>
      lanes === 1
        ? joined(state, value, position)
        : components.map((lane, i) => joined(state, `${value}.${lane}`, `${position} + ${i}u`)).join(''),
    combine: (first, second) => `better(${first}, ${second})`,
    fold: (state) => state,
    result: (state) => `i32(${state}.position)`,
    partial: { dtype: 'uint32', words: 2 },
    load: (bindings, workspace, index) => {
      const key = bindings.load(workspace, `2u * (${index})`)
      return `Best(bitcast<i32>(${key}), ${bindings.load(workspace, `2u * (${index}) + 1u`)})`
    },
    store: (bindings, workspace, index, state) =>
      bindings.store(workspace, `2u * (${index})`, `bitcast<u32>(${state}.key)`) +
      bindings.store(workspace, `2u * (${index}) + 1u`, `${state}.position`),
  }
}

/** The state of a reduction of elements of the dtype. */
export function reducerState(reducer: Reducer, dtype: Dtype): ReducerState {
  switch (reducer) {
    case 'sum':
      return sumState(dtype)
    case 'max':
      return maxState(dtype)
    case 'argMax':
      return argMaxState(dtype)
  }
}
