import { describe, expect, it } from 'vitest'
import { startLineProcess } from './lineProcess.ts'

const start = (body: string) =>
  startLineProcess(process.execPath, [
    '-e',
    `require('readline').createInterface({ input: process.stdin }).on('line', (line) => { ${body} })`,
  ])

describe('a peer in a process of its own', () => {
  it('answers question by question, and its chatter is passed over', async () => {
    const child = start(
      "console.log('loading'); console.log(JSON.stringify({ twice: 2 * JSON.parse(line).value }))",
    )
    expect(await child.ask({ value: 4 })).toEqual({ twice: 8 })
    expect(await child.ask({ value: 5 })).toEqual({ twice: 10 })
    child.close()
  })

  it('reports what it cannot do, and goes on', async () => {
    const child = start("console.log(line.includes('bad') ? '{\"error\":\"no such case\"}' : '{}')")
    await expect(child.ask({ bad: true })).rejects.toThrow('no such case')
    expect(await child.ask({})).toEqual({})
    child.close()
  })

  it('is reported with its last words when it ends, now and later', async () => {
    const child = start("console.error('out of luck'); process.exit(3)")
    await expect(child.ask({})).rejects.toThrow(/ended with 3: out of luck/)
    await expect(child.ask({})).rejects.toThrow(/out of luck/)
  })
})
