/**
 * @hessian-free/tensor/node: what needs Node and cannot run in a browser: array files on disk.
 */
export {
  readIdx,
  readNpy,
  readNpz,
  readSafetensors,
  writeIdx,
  writeNpy,
  writeNpz,
  writeSafetensors,
} from './arrayFiles.ts'
export type { DecompressionLimit } from './arrayFiles.ts'
export { readFileBytes, writeFileAtomically } from './fileBytes.ts'
