/**
 * Work as the paper counts it: cases processed, because seconds depend on the machine and the claims are ratios
 * of work at equal loss.
 *
 * One unit of `work` is one case through one forward pass. A loss costs 1 per case, a gradient 3 (forward and
 * backward), a Gauss-Newton product on a cached linearisation 4 (two forward and two backward sweeps of
 * products, as counted by Martens 2010 §4.2 and Schraudolph 2002), building that linearisation 1.
 */

export interface Work {
  readonly lossCases: number
  readonly gradientCases: number
  readonly linearizedCases: number
  /** Σ over products of the curvature sample's size. */
  readonly productCases: number
  /** Gauss-Newton products. */
  readonly products: number
}

export const noWork: Work = {
  lossCases: 0,
  gradientCases: 0,
  linearizedCases: 0,
  productCases: 0,
  products: 0,
}

/** Cases processed, all kinds together: the paper's "accessed data points". */
export const casesProcessed = (work: Work): number =>
  work.lossCases + work.gradientCases + work.linearizedCases + work.productCases

/** Forward-pass equivalents in cases. */
export const workUnits = (work: Work): number =>
  work.lossCases + 3 * work.gradientCases + work.linearizedCases + 4 * work.productCases

/** A mutable tally that hands out immutable totals. */
export class WorkCounter {
  #total: Work

  constructor(start: Work = noWork) {
    this.#total = start
  }

  get total(): Work {
    return this.#total
  }

  add(work: Partial<Work>): void {
    const total = this.#total
    this.#total = {
      lossCases: total.lossCases + (work.lossCases ?? 0),
      gradientCases: total.gradientCases + (work.gradientCases ?? 0),
      linearizedCases: total.linearizedCases + (work.linearizedCases ?? 0),
      productCases: total.productCases + (work.productCases ?? 0),
      products: total.products + (work.products ?? 0),
    }
  }
}
