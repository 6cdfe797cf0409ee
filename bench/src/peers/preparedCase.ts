/** A case made ready in a peer: what it computes, for comparison, and what can be timed, by name. */
export interface PreparedCase {
  /** Elements of the result, as `sampleOf` takes them. */
  readonly sample: readonly number[]
  readonly runs: Readonly<Record<string, () => Promise<void>>>
}
