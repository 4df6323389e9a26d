import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**'];

/**
 * One project per kind of test; a file's suffix alone decides which one runs it. The kinds run one
 * after the other: the whole stack needs both cores for itself.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['**/*.test.ts', '**/*.test.tsx'],
          exclude: [
            ...exclude,
            '**/*.int.test.ts',
            '**/*.e2e.test.ts',
            '**/*.long.test.ts',
            '**/*.vm.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'int',
          sequence: { groupOrder: 1 },
          include: ['**/*.int.test.ts'],
          exclude,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // chDB allows one data folder per process, and two cores are all there is.
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: ['**/*.e2e.test.ts'],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          pool: 'forks',
          maxWorkers: 1,
          fileParallelism: false,
        },
      },
      // Proofs that `bench -- power-cuts` or shorter tests give as well: minutes, so only when asked for.
      ...(process.env.npm_lifecycle_event === 'test:long'
        ? [
            {
              test: {
                name: 'long',
                include: ['**/*.long.test.ts'],
                exclude,
                testTimeout: 300_000,
                hookTimeout: 120_000,
                pool: 'forks' as const,
                maxWorkers: 1,
                fileParallelism: false,
              },
            },
          ]
        : []),
      // A virtual machine in software emulation: minutes a case, so only when asked for.
      ...(process.env.npm_lifecycle_event === 'test:vm'
        ? [
            {
              test: {
                name: 'vm',
                include: ['**/*.vm.test.ts'],
                exclude,
                testTimeout: 3_600_000,
                hookTimeout: 900_000,
                pool: 'forks' as const,
                maxWorkers: 1,
                fileParallelism: false,
              },
            },
          ]
        : []),
    ],
  },
});
