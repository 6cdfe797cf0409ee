/**
 * The live line inside an iteration: where gradient or conjugate gradients stand. Only on a terminal; elsewhere the rows
 * of the table are progress enough, and a log holds rows only.
 */
import { Presets, SingleBar } from 'cli-progress'
import type { Progress } from '@hessian-free/hf'
import { describeProgress } from '../training/describeProgress.ts'

export interface ProgressLine {
  show(progress: Progress): void
  /** Takes the line off the screen, so that a row can be printed. */
  clear(): void
}

const silent: ProgressLine = { show: () => undefined, clear: () => undefined }

/** @param wanted whether there is to be a line at all. */
export function progressLine(stream: NodeJS.WriteStream, wanted: boolean): ProgressLine {
  if (!wanted || !stream.isTTY) return silent
  let bar: SingleBar | undefined
  return {
    show: (progress) => {
      const { phase, value, total, detail } = describeProgress(progress)
      const label = `${String(progress.iteration).padStart(4)}  ${phase}`.padEnd(26)
      const payload = { label, detail }
      if (bar === undefined) {
        const format = '{label} {bar} {value}/{total}  {detail}'
        bar = new SingleBar(
          { format, barsize: 24, stream, clearOnComplete: true, gracefulExit: false, fps: 12 },
          Presets.shades_classic,
        )
        bar.start(total, value, payload)
      } else {
        bar.setTotal(total)
        bar.update(value, payload)
      }
    },
    clear: () => {
      bar?.stop()
      bar = undefined
    },
  }
}
