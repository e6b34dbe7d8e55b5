import { beforeAll, describe, expect, it } from 'vitest';
import {
  CHART,
  EVERYTHING,
  findHelm,
  made,
  manifest,
  NEEDED,
  render,
  runHelm,
  type Values,
} from './chart.ts';
import { mistakesIn } from './kubernetes-schemas.ts';

const helm = findHelm() ?? '';

/** Together they render every line of every template. */
const choices: readonly Values[] = [
  {},
  { ...EVERYTHING, 'autoscaling.by': 'keda' },
  { 'autoscaling.by': 'external-metrics', 'setup.enabled': false, 'pools.courses.enabled': false },
  {
    'configuration.existingConfigMap': 'mine',
    'monitoring.podMonitor.enabled': true,
    'monitoring.podMonitor.labels.release': 'prometheus',
    'monitoring.rules.enabled': true,
    'monitoring.rules.labels.release': 'prometheus',
    'monitoring.dashboard.enabled': true,
  },
  {
    'imagePullSecrets[0].name': 'registry',
    'networkPolicy.egress[0].ports[0].port': 443,
    'nodeSelector.disk': 'ssd',
    'tolerations[0].key': 'batch',
    'affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight': 1,
    'affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchFields[0].key':
      'a',
    'affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchFields[0].operator':
      'Exists',
    'podAnnotations.team': 'privacy',
    'extraEnv[0].name': 'TZ',
    'extraEnv[0].value': 'UTC',
    'extraVolumes[0].name': 'reports',
    'extraVolumes[0].persistentVolumeClaim.claimName': 'reports',
    'extraVolumeMounts[0].name': 'reports',
    'extraVolumeMounts[0].mountPath': '/var/lib/registrar',
  },
];

describe.skipIf(helm === '')('the chart', () => {
  it('makes only what Kubernetes, KEDA and the Prometheus operator know, whatever is chosen', async () => {
    const manifests = choices.flatMap((values) => made(helm, values));
    expect(await mistakesIn(manifests)).toEqual([]);
    const kinds = new Set(manifests.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual([
      'ConfigMap',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Job',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'PodMonitor',
      'PrometheusRule',
      'ScaledObject',
      'ServiceAccount',
      'TriggerAuthentication',
    ]);
  }, 60_000);

  it('passes the strict check of Helm', () => {
    const { status, stdout, stderr } = runHelm(helm, ['lint', CHART, '--strict'], NEEDED);
    expect(status, `${stdout}${stderr}`).toBe(0);
  });

  it.each<[string, Values, string]>([
    ['a key that it does not know', { 'pools.retirement.replica': 2 }, 'replica'],
    ['a pool that it does not know, unless it is whole', { 'pools.retirements.replicas': 2 }, 'retirements'],
    ['a task queue that there is not', { 'pools.courses.taskQueues': '{timeslice}' }, 'taskQueues'],
    ['an address without a port', { 'temporal.address': 'temporal' }, 'address'],
    ['no address', { 'temporal.address': '' }, 'temporal.address is not set'],
    ['no database', { 'database.worker.existingSecret': '' }, 'database.worker.existingSecret is not set'],
    ['a build without a deployment', { 'workerVersioning.buildId': 'v2' }, 'deploymentName is not set'],
    ['names without the Secret that has them', { 'secrets.names': '{LMS_CLIENT_ID}' }, 'secrets/names'],
    [
      'a certificate without the Secret that has it',
      { 'temporal.tls.authority': true },
      'existingSecret is not set',
    ],
    ['no configuration', { 'configuration.existingConfigMap': '' }, 'configuration.file is not set'],
  ])('refuses %s, and says what is wrong', (_what, values, complaint) => {
    const rendered = render(helm, { ...NEEDED, ...values });
    expect(rendered).toMatchObject({ kind: 'refused', said: expect.stringContaining(complaint) as string });
  });
});

describe.skipIf(helm === '')('the check itself', () => {
  const breaks = [
    ['"livenessProbe":', '"livenesProbe":', 'Deployment registrar-courses', 'livenesProbe'],
    ['"runAsUser":1000', '"runAsUser":"1000"', 'Deployment registrar-retirement', 'runAsUser'],
    ['"maxUnavailable":1,"selector"', '"maxUnavailable":1,"selectors"', 'PodDisruptionBudget', 'selectors'],
    ['"minReplicaCount":', '"minReplicas":', 'ScaledObject registrar-courses', 'minReplicas'],
    [
      '"targetQueueSize":"100"',
      '"targetQueueSize":100',
      'ScaledObject registrar-retirement',
      'targetQueueSize',
    ],
    ['"podMetricsEndpoints":', '"endpoints":', 'PodMonitor registrar', 'endpoints'],
    ['"kind":"ServiceAccount"', '"kind":"ServiceAcount"', 'ServiceAcount registrar', 'has no such kind'],
  ] as const;
  let found: readonly string[] = [];

  beforeAll(async () => {
    const values = { 'autoscaling.by': 'keda', 'monitoring.podMonitor.enabled': true };
    const texts = made(helm, values).map((one) => JSON.stringify(one));
    const broken = breaks.map(([right, wrong, where]) => {
      const text = texts.find((one) => one.includes(right) && one.includes(where.split(' ')[1] ?? ''));
      return manifest.parse(JSON.parse(text?.replace(right, wrong) ?? ''));
    });
    found = await mistakesIn(broken);
  }, 60_000);

  it.each(breaks)('finds %s written as %s', (_right, _wrong, where, what) => {
    expect(found.filter((mistake) => mistake.includes(where) && mistake.includes(what))).not.toEqual([]);
  });
});
