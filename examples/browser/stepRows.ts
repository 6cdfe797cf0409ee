/** The table of steps, newest first, with the columns of the command line; rejected steps are marked. */
import { stepColumns } from '../src/terminal/stepTable.ts'
import { pageElement } from './pageElements.ts'
import type { RunState } from './runState.ts'

export interface StepRows {
  show(state: RunState): void
}

export function createStepRows(): StepRows {
  const heading = pageElement('step-heading', HTMLTableRowElement)
  const body = pageElement('step-rows', HTMLTableSectionElement)
  let metric = ''
  let shown: RunState['steps'] = []
  return {
    show: (state) => {
      if (state.metric !== metric) {
        metric = state.metric
        heading.replaceChildren(...stepColumns(metric).map(({ title }) => cell('th', title)))
      }
      if (state.steps === shown) return
      const continues = state.steps.length >= shown.length && state.steps[0] === shown[0]
      if (!continues) body.replaceChildren()
      for (const step of state.steps.slice(continues ? shown.length : 0)) {
        const row = document.createElement('tr')
        row.classList.toggle('rejected', !step.accepted)
        row.append(...stepColumns(metric).map((column) => cell('td', column.cell(step))))
        body.prepend(row)
      }
      shown = state.steps
    },
  }
}

function cell(kind: 'td' | 'th', text: string): HTMLTableCellElement {
  const element = document.createElement(kind)
  if (kind === 'th') element.scope = 'col'
  element.textContent = text
  return element
}
