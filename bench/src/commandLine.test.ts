import { describe, expect, it } from 'vitest'
import { parseCommand } from './commandLine.ts'

const plain = { suites: ['a', 'b'], help: false, peers: true, threads: [1], quick: false, save: undefined }

describe('the command line', () => {
  it('measures everything by default and what is named otherwise, in the order of the list', () => {
    expect(parseCommand([], ['a', 'b'])).toEqual(plain)
    expect(parseCommand(['cpu'], ['a', 'b'], [1, 2])).toEqual({ ...plain, threads: [1, 2] })
    expect(parseCommand(['b', '--no-peers'], ['a', 'b'])).toEqual({ ...plain, suites: ['b'], peers: false })
    expect(parseCommand(['b', 'a'], ['a', 'b']).suites).toEqual(['a', 'b'])
  })

  it('takes numbers of threads and a file, with and without an equals sign', () => {
    expect(parseCommand(['--threads', '2,1,2'], ['a']).threads).toEqual([1, 2])
    expect(parseCommand(['--threads=4', '--save=x=y.jsonl'], ['a'])).toMatchObject({
      threads: [4],
      save: 'x=y.jsonl',
    })
  })

  it('lists what there is when it does not know a name', () => {
    expect(() => parseCommand(['c'], ['a', 'b'])).toThrow(/unknown suite or option 'c'; suites: a, b/)
  })

  it.each(['0', '1,', 'two', '1.5', '-1', '1000'])('refuses %s threads', (threads) => {
    expect(() => parseCommand(['--threads', threads], ['a'])).toThrow(/--threads takes numbers/)
  })

  it('refuses an option that lacks its value', () => {
    expect(() => parseCommand(['--save'], ['a'])).toThrow(/--save needs a value/)
  })
})
