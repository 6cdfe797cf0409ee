import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const TESTS = ['**/*.test.ts', '**/*.test.mjs']

/** Syntax that is refused everywhere; ESLint replaces rule options as a whole, so they are listed once. */
const RESTRICTED_SYNTAX = [
  { selector: 'ExportDefaultDeclaration', message: 'Export by name: default exports are not used here.' },
  {
    selector: 'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo)$/]',
    message:
      'Every test runs. A test that needs something absent uses skipIf/runIf and says why in its title.',
  },
]

/**
 * Refuses imports of packages at the same height or above, and of Node's own modules unless `node`.
 *
 * @param {{ forbidden: string, why: string, node: boolean }} options
 * @returns {import('eslint').Linter.RulesRecord}
 */
function importRules({ forbidden, why, node }) {
  const patterns = [
    { regex: forbidden, message: why },
    {
      regex: '^[.][.]/(.*/)?(tensor|autodiff|hf|gpu-wgsl|examples|bench)/src/',
      message: 'Import other packages by their name.',
    },
  ]
  if (!node) {
    patterns.push({
      regex: '^node:',
      message: 'This file must run in a browser: code that needs Node belongs in src/node of its package.',
    })
  }
  return {
    'no-restricted-imports': ['error', { patterns }],
    'no-restricted-globals': node ? 'off' : ['error', ...NODE_GLOBALS],
  }
}

const HEIGHTS = {
  tensor: { forbidden: '^@hessian-free/(?!tensor(/|$))', why: 'tensor imports no other package.' },
  autodiff: { forbidden: '^@hessian-free/(hf|gpu-wgsl)(/|$)', why: 'autodiff imports tensor only.' },
  'gpu-wgsl': { forbidden: '^@hessian-free/(hf|autodiff)(/|$)', why: 'gpu-wgsl imports tensor only.' },
  hf: { forbidden: '^@hessian-free/gpu-wgsl(/|$)', why: 'hf imports autodiff and tensor, and no backend.' },
}

const NODE_GLOBALS = ['process', 'Buffer', 'global', 'require', '__dirname', '__filename', 'setImmediate']

export default defineConfig(
  { ignores: ['**/node_modules/', '**/dist/', '**/runs/', '**/coverage/', '.cache/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      // The compiler knows undefined names, and knows those of the DOM and of Node.
      'no-undef': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // noUncheckedIndexedAccess is off for the sake of hot loops, so a guarded lookup looks needless to this rule.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // The three dearest rules of the preset by time: there are no enums, no `any` and no deprecated code here.
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-deprecated': 'off',
      // An interface that returns promises is often met by code with nothing to wait for.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.ts', '**/*.mjs'],
    rules: {
      'max-lines': ['error', { max: 400 }],
      'no-restricted-syntax': ['error', ...RESTRICTED_SYNTAX],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'start' }],
      eqeqeq: 'error',
      'prefer-const': 'error',
      'no-console': 'off',
    },
  },
  ...Object.entries(HEIGHTS).flatMap(([name, height]) => [
    {
      files: [`packages/${name}/src/**/*.ts`],
      rules: importRules({ ...height, node: false }),
    },
    {
      files: [`packages/${name}/src/node/**/*.ts`, `packages/${name}/src/**/*.test.ts`],
      rules: importRules({ ...height, node: true }),
    },
  ]),
  {
    files: ['examples/browser/**/*.ts'],
    ignores: TESTS,
    rules: importRules({ forbidden: '/node$', why: 'The page has no Node.', node: false }),
  },
  {
    files: TESTS,
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        performance: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
      },
    },
  },
  {
    files: ['**/{utils,util,helpers,helper,misc,common}.*'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'Program', message: 'Name the file after the concept that it holds.' },
        ...RESTRICTED_SYNTAX,
      ],
    },
  },
  {
    files: ['*.config.ts', '*.config.mjs'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
