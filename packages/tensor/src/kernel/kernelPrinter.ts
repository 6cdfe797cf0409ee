/**
 * Kernels as text, one line each, for summaries and bug reports:
 *
 *   dot [1,256,784]·[1,784,512]: #4 = tanh(add(#0 · #1, #2{0+0,0,1}))
 *   dot [1,8,5]·[1,5,3]: #3 = tanh(#0) · #1
 *   map [1024]: #3 = add(#0, multiply(#1{0+0}, #2))
 *
 * `#n` is a buffer; its view stands in braces, offset + strides, unless it is dense over the domain. Nodes with
 * several uses have names and are defined first: `t3`, in the operands of products `l3` and `r3`.
 */
import { formatShape } from '../shape.ts'
import type { Shape } from '../shape.ts'
import type { BufferIndex, DotOperand, Kernel, KernelProgram, ScalarNode, Store, View } from './kernel.ts'
import { domainOfStores } from './kernelAccess.ts'
import { denseView, sameView } from './view.ts'

const printView = (view: View, domain: Shape): string =>
  sameView(view, denseView(domain)) ? '' : `{${[`${view.offset}`, view.strides.join(',')].join('+')}}`

const printAccess = (buffer: BufferIndex, view: View, domain: Shape): string =>
  `#${buffer}${printView(view, domain)}`

const conversion = (node: Extract<ScalarNode, { kind: 'apply' }>): string =>
  node.primitive === 'convert' ? `convert ${node.dtype}` : node.primitive

/** Text of every node; nodes with several uses are named and defined in `definitions`. */
function printNodes(
  nodes: readonly ScalarNode[],
  domain: Shape,
  used: readonly number[],
  result: string,
  prefix = 't',
): { text: (position: number) => string; definitions: readonly string[] } {
  const uses = nodes.map(() => 0)
  for (const node of nodes) if (node.kind === 'apply') for (const operand of node.operands) uses[operand]++
  for (const position of used) uses[position]++
  const texts: string[] = []
  const definitions: string[] = []
  nodes.forEach((node, position) => {
    switch (node.kind) {
      case 'load':
        texts.push(printAccess(node.buffer, node.view, domain))
        return
      case 'constant':
        texts.push(Object.is(node.value, -0) ? '-0' : String(node.value))
        return
      case 'index':
        texts.push(`index${printView(node.view, [])}`)
        return
      case 'result':
        texts.push(result)
        return
      case 'apply': {
        const text = `${conversion(node)}(${node.operands.map((operand) => texts[operand]).join(', ')})`
        if (uses[position] > 1) {
          definitions.push(`${prefix}${position} = ${text}`)
          texts.push(`${prefix}${position}`)
        } else {
          texts.push(text)
        }
      }
    }
  })
  return { text: (position) => texts[position], definitions }
}

function printStores(
  nodes: readonly ScalarNode[],
  stores: readonly Store[],
  domain: Shape,
  result: string,
): string {
  const { text, definitions } = printNodes(
    nodes,
    domain,
    stores.map(({ node }) => node),
    result,
  )
  const assignments = stores.map(
    ({ node, buffer, view }) => `${printAccess(buffer, view, domain)} = ${text(node)}`,
  )
  return [...definitions, ...assignments].join('; ')
}

function printOperand(
  operand: DotOperand,
  domain: Shape,
  prefix: string,
): { text: string; definitions: readonly string[] } {
  if (operand.kind === 'load')
    return { text: printAccess(operand.buffer, operand.view, domain), definitions: [] }
  const { text, definitions } = printNodes(operand.nodes, domain, [operand.operand], '', prefix)
  return { text: text(operand.operand), definitions }
}

/** One kernel as one line. */
export function printKernel(kernel: Kernel): string {
  switch (kernel.kind) {
    case 'map':
      return `map ${formatShape(kernel.domain)}: ${printStores(kernel.nodes, kernel.stores, kernel.domain, '')}`
    case 'reduce': {
      const { reducer, kept, reduced, nodes, operand, epilogue, stores } = kernel
      const { text, definitions } = printNodes(nodes, [...kept, ...reduced], [operand], '')
      const prologue = definitions.map((definition) => `${definition}; `).join('')
      const result = `${reducer}(${text(operand)})`
      return `reduce ${formatShape(kept)} over ${formatShape(reduced)}: ${prologue}${printStores(epilogue, stores, kept, result)}`
    }
    case 'dot': {
      const { batch, rows, columns, depth, lhs, rhs, accumulator, epilogue, stores } = kernel
      const left = [batch, rows, depth]
      const right = [batch, depth, columns]
      const domain = domainOfStores(kernel)
      const [leftText, rightText] = [printOperand(lhs, left, 'l'), printOperand(rhs, right, 'r')]
      const prologues = [...leftText.definitions, ...rightText.definitions].map((text) => `${text}; `)
      const product = `${leftText.text} · ${rightText.text}`
      const start =
        accumulator === undefined ? '' : `${printAccess(accumulator.buffer, accumulator.view, domain)} + `
      return `dot ${formatShape(left)}·${formatShape(right)}: ${prologues.join('')}${printStores(epilogue, stores, domain, `${start}${product}`)}`
    }
    case 'gather': {
      const { outer, extent, count, inner, operand, indices, output } = kernel
      return `gather [${outer},${extent},${inner}] → ${count}: #${output.buffer} = ${printBlock(operand)}[${printBlock(indices)}]`
    }
    case 'scatterAdd': {
      const { outer, extent, count, inner, operand, indices, updates, output } = kernel
      return `scatterAdd [${outer},${extent},${inner}] ← ${count}: #${output.buffer} = ${printBlock(operand)} + ${printBlock(updates)} at ${printBlock(indices)}`
    }
    case 'randomBits':
      return `randomBits [${kernel.count}]: #${kernel.output.buffer} = bits(${printBlock(kernel.key)})`
  }
}

const printBlock = ({ buffer, offset }: { readonly buffer: BufferIndex; readonly offset: number }): string =>
  offset === 0 ? `#${buffer}` : `#${buffer}{${offset}}`

/** The kernel program as text: buffers, then one line per kernel. */
export function printKernelProgram({ name, buffers, inputs, outputs, kernels }: KernelProgram): string {
  const declare = (index: BufferIndex): string =>
    `#${index}: ${buffers[index].dtype}[${buffers[index].elements}]`
  return [
    `${name}(${inputs.map(declare).join(', ')}) {`,
    ...kernels.map((kernel) => `  ${printKernel(kernel)}`),
    `  return ${outputs.map(declare).join(', ')}`,
    '}',
  ].join('\n')
}
