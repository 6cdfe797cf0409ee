import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { guaranteedCapabilities } from '../device/deviceCapabilities.ts'
import { dispatchGrid } from './dispatchGrid.ts'

it('a grid numbers every workgroup once, within the limit of each axis, with a surplus below a row', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 100 }), (wanted, limit) => {
      const count = Math.min(wanted, limit * limit)
      const device = { ...guaranteedCapabilities, maximumWorkgroupsPerAxis: limit }
      const { workgroups, workgroupIndex } = dispatchGrid(count, device)
      const [x, y, z] = workgroups
      expect(Math.max(x, y, z)).toBeLessThanOrEqual(limit)
      expect(x * y * z).toBeGreaterThanOrEqual(Math.max(count, 1))
      expect(x * y * z - Math.max(count, 1)).toBeLessThan(y)
      const columns = /^\(group\.x \+ group\.y \* (\d+)u\)$/.exec(workgroupIndex)?.[1]
      if (y === 1) expect(workgroupIndex).toBe('group.x')
      else expect(Number(columns)).toBe(x)
    }),
  )
})
