/**
 * Peaks of known cards, so that a rate can be given as a share of what the hardware could do at its boost clock:
 * float32 without tensor cores, float16 tensor cores with float32 accumulation (dense), and memory bandwidth.
 *
 * Sources: NVIDIA H100 Tensor Core GPU data sheet (SXM5 66.9 TFLOP/s float32, 989 float16, 3.35 TB/s; PCIe 51.2, 756,
 * 2.0; H100 NVL 60, 835, 3.9), H200 data sheet (SXM 66.9, 989, 4.8; NVL 60, 835, 4.8), A100 data sheet (19.5, 312; 40 GB
 * 1.555, 80 GB SXM 2.039, 80 GB PCIe 1.935), L4 data sheet (30.3, 121, 0.30), L40S data sheet (91.6, 362, 0.864),
 * T4 data sheet (8.1, 65, 0.32), V100 data sheet (SXM2 15.7, 125, 0.90), Ada GPU architecture paper (RTX 4090: 82.6,
 * 165, 1.008).
 */
export interface Card {
  readonly name: string
  /** FLOP/s. */
  readonly float32: number
  readonly float16Tensor: number
  /** Bytes per second. */
  readonly bandwidth: number
}

const card = (name: string, float32: number, float16Tensor: number, bandwidth: number): Card => ({
  name,
  float32: float32 * 1e12,
  float16Tensor: float16Tensor * 1e12,
  bandwidth: bandwidth * 1e12,
})

/** The first pattern that an adapter's name matches, special kinds first; Dawn writes `nvidia-h100-80gb-hbm3`. */
const cards: readonly (readonly [RegExp, Card])[] = [
  [/H200[ -]NVL/i, card('H200 NVL', 60, 835, 4.8)],
  [/H200/i, card('H200 SXM', 66.9, 989, 4.8)],
  [/H100[ -]NVL/i, card('H100 NVL', 60, 835, 3.9)],
  [/H100[ -]PCIe/i, card('H100 PCIe', 51.2, 756, 2.0)],
  [/H100/i, card('H100 SXM', 66.9, 989, 3.35)],
  [/A100(?=.*80)(?=.*PCIe)/i, card('A100 80 GB PCIe', 19.5, 312, 1.935)],
  [/A100.*80/i, card('A100 80 GB SXM', 19.5, 312, 2.039)],
  [/A100/i, card('A100 40 GB', 19.5, 312, 1.555)],
  [/L40S/i, card('L40S', 91.6, 362, 0.864)],
  [/\bL4\b/i, card('L4', 30.3, 121, 0.3)],
  [/RTX[ -]4090(?![ -]Laptop)/i, card('RTX 4090', 82.6, 165, 1.008)],
  [/V100/i, card('V100 SXM2', 15.7, 125, 0.9)],
  [/\bT4\b/i, card('T4', 8.1, 65, 0.32)],
]

/** The card that an adapter's name tells of, if it is a known one. */
export const knownCard = (adapterName: string): Card | undefined =>
  cards.find(([pattern]) => pattern.test(adapterName))?.[1]
