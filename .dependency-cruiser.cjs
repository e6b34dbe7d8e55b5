/**
 * The walls of ARCHITECTURE.md, checked. `only(folder, allowed, types)` forbids every import that is not listed: of values
 * from anywhere but `allowed`, and of types from anywhere but `allowed` and `types`.
 */
const only = (folder, allowed, types = []) => [
  {
    name: `${folder}-imports`,
    severity: 'error',
    from: { path: `^${folder}/` },
    to: { pathNot: allowed, dependencyTypesNot: ['type-only'] },
  },
  {
    name: `${folder}-imports-types`,
    severity: 'error',
    from: { path: `^${folder}/` },
    to: { pathNot: [...allowed, ...types], dependencyTypes: ['type-only'] },
  },
];

const npm = (name) => `node_modules/${name}(/|$)`;
const node =
  '^(node:)?(assert|async_hooks|child_process|crypto|dns|events|fs|http|https|module|net|os|path|perf_hooks|process|readline|stream|string_decoder|timers|tls|url|util|v8|worker_threads|zlib)(/|$)';
const libraries = 'node_modules/';
const contracts = '^workflows/[^/]+/contract\\.ts$';

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...only('domain', ['^domain/']),
    ...only('db', ['^db/', npm('pg'), npm('node-pg-migrate'), node]),
    ...only(
      'workflows',
      ['^domain/', '^workflows/', npm('@temporalio/workflow'), npm('@temporalio/common')],
      ['^activities/'],
    ),
    ...only('config', ['^config/', '^domain/', npm('yaml'), npm('@temporalio/envconfig'), node]),
    ...only('platform', ['^platform/', '^domain/', npm('undici'), npm('@aws-sdk/client-s3'), node]),
    ...only('receipts', ['^receipts/', '^domain/', '^(node:)?crypto$']),
    ...only('activities', [
      '^activities/',
      '^domain/',
      '^db/',
      '^config/',
      '^platform/',
      '^receipts/',
      contracts,
      libraries,
      node,
    ]),
    ...only(
      'client',
      [
        '^client/',
        '^domain/',
        '^db/',
        '^config/',
        '^platform/',
        '^receipts/',
        '^activities/[^/]+/(store|rebuild)\\.ts$',
        '^activities/retirement/[a-z-]+/store\\.ts$',
        contracts,
        node,
        ...[
          '@temporalio/client',
          '@temporalio/common',
          '@temporalio/envconfig',
          'commander',
          'cli-table3',
          'cli-progress',
          'pg',
        ].map(npm),
      ],
      ['^workflows/'],
    ),
    ...only('worker', [
      '^worker/',
      '^activities/',
      '^config/',
      '^db/',
      '^domain/',
      '^platform/',
      '^receipts/',
      contracts,
      libraries,
      node,
    ]),
    ...only('stack', ['^stack/', '^domain/', '^db/', libraries, node]),
    ...only('sandbox', ['^sandbox/', '^domain/', '^db/', libraries, node]),
    {
      name: 'nobody-imports-the-ends',
      severity: 'error',
      from: { pathNot: '^(bin|worker|bench|test)/' },
      to: { path: '^(worker|bench|test|bin)/' },
    },
    {
      name: 'production-knows-no-bench-or-test',
      severity: 'error',
      from: { pathNot: '^(bench|test)/' },
      to: { path: '^(bench|test)/' },
    },
    {
      name: 'domains-meet-in-contracts',
      severity: 'error',
      from: { path: '^(?:domain|workflows|activities)/retirement/' },
      to: { path: '^(?:domain|workflows|activities)/timeslices/', pathNot: contracts },
    },
    {
      name: 'domains-meet-in-contracts-back',
      severity: 'error',
      from: { path: '^(?:domain|workflows|activities)/timeslices/' },
      to: { path: '^(?:domain|workflows|activities)/retirement/', pathNot: contracts },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
