import { BackendError } from '@hessian-free/tensor'
import { describe, expect, it } from 'vitest'
import { FailureLedger } from './failureLedger.ts'

const failure = (rule: string): BackendError => new BackendError({ operation: 'test', rule })

describe('FailureLedger', () => {
  it('believes everything while nothing failed', () => {
    const ledger = new FailureLedger()
    const serial = ledger.begin()
    expect(() => ledger.requireSound(serial)).not.toThrow()
    expect(() => ledger.reportUnseen()).not.toThrow()
  })

  it('suspects what was written from the failed operation until the failure was known, and nothing else', () => {
    const ledger = new FailureLedger()
    const [before, failed, after] = [ledger.begin(), ledger.begin(), ledger.begin()]
    ledger.record(failed, failure('memory'))
    const later = ledger.begin()
    expect(() => ledger.requireSound(before)).not.toThrow()
    expect(() => ledger.requireSound(failed)).toThrow('memory')
    expect(() => ledger.requireSound(after)).toThrow('memory')
    expect(() => ledger.requireSound(later)).not.toThrow()
  })

  it('names the earliest failure that reaches the contents, in whatever order failures became known', () => {
    const ledger = new FailureLedger()
    const [shader, run] = [ledger.begin(), ledger.begin()]
    ledger.record(run, failure('run'))
    ledger.record(shader, failure('shader'))
    expect(() => ledger.requireSound(run)).toThrow('shader')
  })

  it('names the failure that is certain before one that may only be its consequence', () => {
    const ledger = new FailureLedger()
    const [, memory] = [ledger.begin(), ledger.begin()]
    ledger.record(1, failure('refused'), false)
    ledger.record(memory, failure('memory'))
    expect(() => ledger.requireSound(memory)).toThrow('memory')
  })

  it('tells each failure once to whoever waits for all work', () => {
    const ledger = new FailureLedger()
    const first = ledger.begin()
    ledger.record(first, failure('one'))
    ledger.record(ledger.begin(), failure('two'))
    expect(() => ledger.requireSound(first)).toThrow('one')
    expect(() => ledger.reportUnseen()).toThrow('two')
    expect(() => ledger.reportUnseen()).not.toThrow()
  })
})
