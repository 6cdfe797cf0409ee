/**
 * @hessian-free/tensor/testing: cases for every primitive with results from plain loops, for whoever writes a backend.
 */
export { operatorCases } from './operatorCases.ts'
export type { OperatorCase, OperatorCases } from './operatorCase.ts'
export { checkOperatorCase } from './operatorCheck.ts'
export { randomProgram } from './randomProgram.ts'
export type { RandomProgram } from './randomProgram.ts'
export { checkRandomProgram } from './randomProgramCheck.ts'
export { arbitraryValues, checkProgramCase, programCases, runProgram, traceBody } from './programCases.ts'
export type { ProgramBody, ProgramCase } from './programCases.ts'
export { allExponents, interval } from './floatSamples.ts'
