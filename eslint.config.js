import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const services = ['device-agent', 'collector', 'pipeline', 'ota-service', 'grafana-plugin'];
const libs = ['service', 'event-log', 'delta', 'signing', 'otlp', 'otlp-queue', 'trust'];
const pkg = (name) => `@flotilla/${name}`;

/** Dependencies point one way: contracts <- lib <- services <- stack. */
const forbid = (names, message) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        { group: names.flatMap((n) => [pkg(n), `${pkg(n)}/*`]), message },
        {
          regex: `^(\\.\\./)+(contracts|lib|stack|${services.join('|')})/`,
          message: 'Reach another package by its name, never by a relative path.',
        },
      ],
    },
  ],
});

const directionRules = [
  {
    files: ['contracts/**/*.ts'],
    rules: forbid([...libs, ...services, 'stack'], 'contracts depends on nothing of ours.'),
  },
  {
    files: ['lib/**/*.ts'],
    rules: forbid([...services, 'stack'], 'lib knows no service.'),
  },
  ...services.map((service) => ({
    files: [`${service}/**/*.{ts,tsx}`],
    rules: forbid(
      [...services.filter((s) => s !== service), 'stack'],
      'Services never import each other; they meet at HTTP, the log and the warehouse.',
    ),
  })),
];

/** Decisions are pure: no I/O, no clock, no randomness inside a domain folder. */
const domainRule = {
  files: ['**/domain/**/*.ts'],
  ignores: ['**/*.test.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { regex: '^node:(?!crypto$)', message: 'A decision does no I/O.' },
          { regex: '^\\.\\./(?!domain/)', message: 'A decision knows no adapter.' },
          {
            group: ['fastify', 'kysely', '@clickhouse/*', 'chdb', 'chdb/*', 'pino', 'prom-client'],
            message: 'A decision knows no vendor library.',
          },
        ],
      },
    ],
    'no-restricted-properties': [
      'error',
      { object: 'Date', property: 'now', message: 'Time is a parameter.' },
      { object: 'Math', property: 'random', message: 'Randomness is a parameter.' },
    ],
  },
};

/** main.ts and config.ts alone read the environment. */
const environmentRule = {
  files: ['{lib,device-agent,collector,pipeline,ota-service}/**/*.ts'],
  ignores: ['**/main.ts', '**/*.test.ts', '**/testing/**'],
  rules: {
    'no-restricted-properties': [
      'error',
      { object: 'process', property: 'env', message: 'Only main.ts reads the environment.' },
    ],
  },
};

export default tseslint.config(
  { ignores: ['**/node_modules/**', '**/dist/**', 'stack/firmware/**', '.flotilla/**', 'data/**'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Promise.withResolvers<void>() is the standard's own form.
      '@typescript-eslint/no-invalid-void-type': 'off',
      'max-lines': ['error', { max: 400, skipBlankLines: true }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['**/*.test.{ts,tsx}', '**/testing/**', 'bench/**'],
    rules: {
      'max-lines': 'off',
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: ['grafana-plugin/**/*.tsx'], rules: { 'max-lines-per-function': ['error', 100] } },
  ...directionRules,
  domainRule,
  environmentRule,
);
