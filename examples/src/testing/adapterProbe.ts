/** Runs in a page: what the browser offers, for the test of the headless browser and as an example of such a module. */
export interface AdapterProbe {
  readonly isolated: boolean
  readonly echo: unknown
  /** Vendor and architecture; undefined where WebGPU or an adapter is missing. */
  readonly adapter: string | undefined
}

export async function run(argument: unknown): Promise<AdapterProbe> {
  if (argument === 'fail') throw new RangeError('failed as asked')
  // Absent in browsers without WebGPU, whatever the types say.
  const gpu = navigator.gpu as GPU | undefined
  const adapter = await gpu?.requestAdapter()
  return {
    isolated: crossOriginIsolated,
    echo: argument,
    adapter: adapter ? `${adapter.info.vendor} ${adapter.info.architecture}` : undefined,
  }
}
