/**
 * Parameters of a primitive as text, equal for equal parameters only: JSON cannot write NaN and infinities and does not
 * tell −0 from 0, so those become words.
 */
const numberWord = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? Object.is(value, -0)
      ? '-0'
      : String(value)
    : value

export const parameterKey = (parameters: object): string => JSON.stringify(parameters, numberWord)
