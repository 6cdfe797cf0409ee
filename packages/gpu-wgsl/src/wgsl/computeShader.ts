/**
 * The frame of every generated shader: declarations, functions, and an entry point with the two builtins that index
 * arithmetic needs, `group` (vec3<u32>) and `local` (u32).
 */
import type { DeviceCapabilities } from '../device/deviceCapabilities.ts'
import type { KernelBindings } from './kernelBindings.ts'
import { dispatchGrid } from './dispatchGrid.ts'
import { elementFunctionSource } from './scalarExpression.ts'
import type { ShaderDispatch } from './shaderDispatch.ts'

export interface ComputeShader {
  readonly label: string
  readonly bindings: KernelBindings
  /** Element functions that the body calls. */
  readonly functions?: Iterable<string>
  /** More declarations: workgroup memory, functions. */
  readonly module?: string
  /** Threads of a workgroup. */
  readonly threads: number
  /** Workgroups that have something to do. */
  readonly workgroups: number
  /** Statements; `workgroup` (u32), their own number, is defined and below `workgroups`. */
  readonly body: string
}

/** One dispatch; workgroups that only fill up the grid return at once, all threads together. */
export function computeShader(shader: ComputeShader, device: DeviceCapabilities): ShaderDispatch {
  const { label, bindings, functions = [], module = '', threads, workgroups, body } = shader
  const grid = dispatchGrid(workgroups, device)
  const [x, y, z] = grid.workgroups
  const surplus = x * y * z > workgroups ? `if (workgroup >= ${workgroups}u) { return; }\n` : ''
  const source = `${bindings.declarations}${elementFunctionSource(functions)}${module}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
let workgroup = ${grid.workgroupIndex};
${surplus}${body}}
`
  return { label, source, bindings: bindings.bindings, workgroups: grid.workgroups }
}

/**
 * Threads of a workgroup without workgroup memory. Heuristic: 256 keep a GPU's processors full; a processor in disguise
 * runs a workgroup on one core, and small ones share cores more evenly.
 */
export const threadsPerWorkgroup = ({
  isSoftware,
  maximumWorkgroupInvocations,
}: DeviceCapabilities): number => Math.min(isSoftware ? 64 : 256, maximumWorkgroupInvocations)

/** A dispatch of one thread per item: the statements `body` run with `item` (u32) below `items`. */
export function perItem(
  shader: Omit<ComputeShader, 'threads' | 'workgroups'> & { readonly items: number },
  device: DeviceCapabilities,
): ShaderDispatch {
  const { items, body } = shader
  const threads = threadsPerWorkgroup(device)
  const guard = items % threads === 0 ? '' : `if (item >= ${items}u) { return; }\n`
  return computeShader(
    {
      ...shader,
      threads,
      workgroups: Math.ceil(items / threads),
      body: `let item = workgroup * ${threads}u + local;\n${guard}${body}`,
    },
    device,
  )
}
