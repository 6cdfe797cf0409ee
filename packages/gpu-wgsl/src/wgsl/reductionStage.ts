/**
 * One dispatch of a reduction: every thread joins its share of an item's elements to a state, then the threads of the
 * item fold their states in workgroup memory as a binary tree (Harris, "Optimizing parallel reduction in CUDA", 2007,
 * sequential addressing). The order of all additions follows from the plan alone.
 *
 * Long float sums are kept in two levels, a sum of sums of about √n elements, so that rounding errors grow with √n
 * instead of n (Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14, 1993, section 3).
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import { computeShader } from './computeShader.ts'
import type { KernelBindings, Lanes } from './kernelBindings.ts'
import type { ReducerState } from './reducerState.ts'
import type { ThreadLayout } from './reductionPlan.ts'
import type { ShaderDispatch } from './shaderDispatch.ts'

export interface ReductionStage {
  readonly label: string
  readonly layout: ThreadLayout
  readonly state: ReducerState
  /** Lanes of an item: kept elements that it reduces side by side. */
  readonly width: Lanes
  /** Elements of a reduction that are read at once; 1 where `width` is 4. */
  readonly lanes: Lanes
  /** Reductions (vectors of them where `width` is 4), elements of each, and the parts that each is cut into. */
  readonly kept: number
  readonly length: number
  readonly chunks: number
  readonly bindings: KernelBindings
  readonly functions: ReadonlySet<string>
  /** Statements once `kept` (u32), the number of the kept element or vector, is known. */
  readonly prepare: string
  /** Statements that join to the variable `total` the elements from number `first` (a u32 name) in lanes of `lanes`. */
  join(total: string, first: string, lanes: Lanes): string
  /** Statements once an item's state is known. */
  finish(state: string): string
}

/** Serial reads above which a float sum is kept in two levels. */
const longestPlainSum = 128

/** The parts of a length: how many, and how long all but the last are. */
export function cutLength(
  length: number,
  chunks: number,
  lanes: Lanes,
): { chunks: number; chunkLength: number } {
  const chunkLength = lanes * Math.ceil(length / (lanes * chunks))
  return { chunks: Math.ceil(length / chunkLength), chunkLength }
}

export function reductionStage(stage: ReductionStage, device: DeviceCapabilities): ShaderDispatch {
  const { layout, state, lanes, kept, bindings, functions, label } = stage
  const { items, folds, neighbours } = layout
  const { chunks } = cutLength(stage.length, stage.chunks, lanes)
  const itemCount = kept * chunks
  const threads = items * folds
  const alongItems = neighbours === 'items'
  const itemLane = folds === 1 ? 'local' : alongItems ? `local % ${items}u` : `local / ${folds}u`
  const foldLane = alongItems ? `local / ${items}u` : `local % ${folds}u`
  const surplus = itemCount % items !== 0
  // Threads of surplus items must not leave before a barrier: they do the last item's work again, without a store.
  const item =
    folds === 1 || !surplus
      ? `let item = workgroup * ${items}u + ${itemLane};\n`
      : `let own = workgroup * ${items}u + ${itemLane};\nlet item = min(own, ${itemCount - 1}u);\n`
  const leave = folds === 1 && surplus ? `if (item >= ${itemCount}u) { return; }\n` : ''
  const isOwn = surplus && folds > 1 ? ' && own == item' : ''
  const serial = `${item}${leave}${numbersOf(kept, chunks)}${folds === 1 ? '' : `let fold = ${foldLane};\n`}${stage.prepare}${serialPart(stage)}`
  const body =
    folds === 1
      ? `${serial}${stage.finish('total')}`
      : `${serial}${foldTree(layout, state, isOwn, stage.finish('folded'))}`
  const memory =
    folds === 1 ? '' : `var<workgroup> partials: array<${state.type(stage.width)}, ${threads}>;\n`
  return computeShader(
    {
      label,
      bindings,
      functions,
      module: `${state.module}${memory}`,
      threads,
      workgroups: Math.ceil(itemCount / items),
      body,
    },
    device,
  )
}

/** Items are numbered by chunk, then kept element: neighbours belong to neighbouring kept elements. */
function numbersOf(kept: number, chunks: number): string {
  if (chunks === 1) return `let kept = ${kept === 1 ? '0u' : 'item'};\n`
  if (kept === 1) return 'let kept = 0u;\nlet chunk = item;\n'
  return `let chunk = item / ${kept}u;\nlet kept = item - chunk * ${kept}u;\n`
}

/** A thread's own elements into `total`: whole vectors, then what is left beyond the last whole vector. */
function serialPart(stage: ReductionStage): string {
  const { state, width, lanes, length } = stage
  const { folds } = stage.layout
  const { chunks, chunkLength } = cutLength(length, stage.chunks, lanes)
  const first = folds === 1 ? '' : ' + fold'
  const whole = Math.floor(length / lanes)
  const range =
    chunks === 1
      ? `let start = 0u${first};\nlet stop = ${whole}u;\n`
      : `let start = chunk * ${chunkLength / lanes}u${first};\nlet stop = min(chunk * ${chunkLength / lanes}u + ${chunkLength / lanes}u, ${whole}u);\n`
  const reads = chunkLength / lanes / folds
  const exact = state.partial.dtype !== 'float32'
  const loop = (from: string, to: string, total: string): string =>
    `for (var at = ${from}; at < ${to}; at += ${folds}u) {\n${stage.join(total, 'at', lanes)}}\n`
  const identity = state.identity(lanes === 4 ? 4 : width)
  let main = `var sum = ${identity};\n`
  if (exact || reads <= longestPlainSum) main += loop('start', 'stop', 'sum')
  else {
    const span = folds * 2 ** Math.ceil(Math.log2(reads) / 2)
    main += `for (var block = start; block < stop; block += ${span}u) {
var part = ${identity};
let blockStop = min(block + ${span}u, stop);
${loop('block', 'blockStop', 'part')}sum = ${state.combine('sum', 'part')};
}
`
  }
  main += `var total = ${lanes === 1 ? 'sum' : state.fold('sum')};\n`
  if (whole * lanes === length) return range + main
  const rest = `for (var at = ${whole * lanes}u${first}; at < ${length}u; at += ${folds}u) {\n${stage.join('total', 'at', 1)}}\n`
  return range + main + (chunks === 1 ? rest : `if (chunk == ${chunks - 1}u) {\n${rest}}\n`)
}

/** The folds of an item, halved until one is left. */
function foldTree(
  { items, folds, neighbours }: ThreadLayout,
  state: ReducerState,
  isOwn: string,
  finish: string,
): string {
  const distance = neighbours === 'items' ? items : 1
  let source = 'partials[local] = total;\nworkgroupBarrier();\n'
  for (let half = folds / 2; half > 1; half /= 2) {
    source += `if (fold < ${half}u) { partials[local] = ${state.combine('partials[local]', `partials[local + ${half * distance}u]`)}; }
workgroupBarrier();
`
  }
  return `${source}if (fold == 0u${isOwn}) {
let folded = ${state.combine('partials[local]', `partials[local + ${distance}u]`)};
${finish}}
`
}
