/**
 * One reason why a machine offers no adapter: what is the case, and what the reader can do about it. Every finding is a
 * sentence of its own; together they are the list that errors and `hf devices` show.
 */

export interface Finding {
  readonly kind: FindingKind
  /** What is the case, one plain sentence. */
  readonly sentence: string
  /** What the reader can do. */
  readonly remedy: string
}

export type FindingKind =
  | 'dawn-not-installed'
  | 'dawn-without-binary'
  | 'dawn-needs-newer-system'
  | 'dawn-does-not-load'
  | 'no-device'
  | 'device-forbidden'
  | 'no-loader'
  | 'no-driver'
  | 'no-nvidia-driver'
  | 'manifest-missing'
  | 'library-missing'
  | 'driver-does-not-load'
  | 'driver-refused'
  | 'driver-without-device'
  | 'software-only'
  | 'no-adapter'

/** Findings as lines for a terminal or an error's message: `- sentence` and the remedy below it. */
export const formatFindings = (findings: readonly Finding[]): string =>
  findings.map(({ sentence, remedy }) => `- ${sentence}\n  ${remedy}`).join('\n')
