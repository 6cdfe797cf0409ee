/**
 * The engines we compare with, loaded if they are installed (`bench/peers`); absent ones leave their columns empty. Their
 * modules have no types we could rely on across versions, so the few functions used are described here.
 */
export interface JaxArray {
  readonly ref: JaxArray
  add(other: JaxArray | number): JaxArray
  mul(other: JaxArray | number): JaxArray
  sub(other: JaxArray | number): JaxArray
  sum(axis?: number, options?: { readonly keepdims?: boolean }): JaxArray
  transpose(permutation?: readonly number[]): JaxArray
  blockUntilReady(): Promise<unknown>
  data(): Promise<Float32Array>
  dispose(): void
}

type JaxFunction = (...args: never[]) => unknown

export interface Jax {
  init(backend: string): Promise<unknown>
  defaultDevice(backend: string): void
  /** Only of its WebGPU backend. */
  getWebGPUDevice(): GPUDevice
  jit<F extends JaxFunction>(f: F): F
  linearize(f: JaxFunction, primals: readonly unknown[]): [JaxArray, (v: unknown) => JaxArray]
  vjp(f: JaxFunction, primals: readonly unknown[]): [JaxArray, (u: JaxArray) => unknown[]]
  jvp(f: JaxFunction, primals: readonly unknown[], tangents: readonly unknown[]): [JaxArray, JaxArray]
  grad(f: JaxFunction): (p: unknown) => unknown
  valueAndGrad(f: JaxFunction): (p: unknown) => [JaxArray, JaxLayer[]]
  blockUntilReady(tree: unknown): Promise<unknown>
  readonly tree: { ref<T>(tree: T): T; dispose(tree: unknown): void }
  readonly numpy: {
    array(data: Float32Array, options?: { readonly shape: readonly number[] }): JaxArray
    matmul(a: JaxArray, b: JaxArray): JaxArray
    dot(a: JaxArray, b: JaxArray): JaxArray
    tanh(x: JaxArray): JaxArray
  }
  readonly nn: { softmax(x: JaxArray): JaxArray; logSoftmax(x: JaxArray): JaxArray }
}

export interface JaxLayer {
  readonly w: JaxArray
  readonly b: JaxArray
}

export interface Tf {
  grad(f: (x: TfTensor) => TfTensor): (x: TfTensor) => TfTensor
  grads(f: (...xs: TfTensor[]) => TfTensor): (xs: readonly TfTensor[]) => TfTensor[]
  sum(x: TfTensor, axis?: number, keepDimensions?: boolean): TfTensor
  softmax(x: TfTensor): TfTensor
  zeros(shape: readonly number[]): TfTensor
  slice(x: TfTensor, from: readonly number[], size: readonly number[]): TfTensor
  setBackend(name: string): Promise<boolean>
  ready(): Promise<void>
  tensor2d(data: Float32Array, shape: readonly [number, number]): TfTensor
  tensor1d(data: Float32Array): TfTensor
  tensor(data: Float32Array, shape: readonly number[]): TfTensor
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor
  tanh(x: TfTensor): TfTensor
  tidy<T>(f: () => T): T
}

export interface TfTensor {
  add(other: TfTensor): TfTensor
  sub(other: TfTensor): TfTensor
  mul(other: TfTensor | number): TfTensor
  data(): Promise<Float32Array>
  dispose(): void
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'

/** Imports by a name the bundler leaves alone. */
const load = (name: string): Promise<unknown> => import(name)

/**
 * jax-js on its WebAssembly backend, one thread, or on its WebGPU backend, which takes its device from
 * `navigator.gpu`.
 */
export async function loadJax(backend: 'wasm' | 'webgpu' = 'wasm'): Promise<Jax | undefined> {
  try {
    const jax = (await load('@jax-js/jax')) as Jax
    await jax.init(backend)
    jax.defaultDevice(backend)
    return jax
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** TensorFlow.js on its WebAssembly backend, one thread, or on its WebGPU backend over `navigator.gpu`. */
export async function loadTf(backend: 'wasm' | 'webgpu' = 'wasm'): Promise<Tf | undefined> {
  try {
    const { createRequire } = await import('node:module')
    const require = createRequire(import.meta.url)
    const tf = require('@tensorflow/tfjs') as Tf
    if (backend === 'webgpu') require('@tensorflow/tfjs-backend-webgpu')
    else await setWasmPaths(require)
    await tf.setBackend(backend)
    await tf.ready()
    return tf
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return undefined
    throw error
  }
}

async function setWasmPaths(require: NodeJS.Require): Promise<void> {
  const wasm = require('@tensorflow/tfjs-backend-wasm') as { setWasmPaths(path: string): void }
  const path = await import('node:path')
  wasm.setWasmPaths(`${path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
}
