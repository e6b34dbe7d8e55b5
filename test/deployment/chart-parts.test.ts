import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createMetrics } from '../../worker/observability/metrics.ts';
import { EVERYTHING, findHelm, made, NEEDED, podsOf, type Manifest } from './chart.ts';
import { taskQueuesOf } from './compose-file.ts';

const helm = findHelm() ?? '';

describe.skipIf(helm === '')('the set-up of the chart', () => {
  it('runs before anything else of an installation or upgrade, with its own copy of the configuration', () => {
    const hooks = made(helm).filter(({ metadata }) => metadata.annotations?.['helm.sh/hook'] !== undefined);
    const weights = hooks.map(({ kind, metadata }) => {
      expect(metadata.annotations?.['helm.sh/hook']).toBe('pre-install,pre-upgrade');
      return [kind, Number(metadata.annotations?.['helm.sh/hook-weight'] ?? 0)];
    });
    expect(Object.fromEntries(weights)).toEqual({ ConfigMap: -1, Job: 0 });
    const copies = ofKind(made(helm), 'ConfigMap');
    expect(copies).toHaveLength(2);
    expect(new Set(copies.map((copy) => JSON.stringify(copy['data']))).size).toBe(1);
  });

  it('shares the ConfigMap that is there already', () => {
    const manifests = made(helm, { 'configuration.existingConfigMap': 'mine' });
    expect(ofKind(manifests, 'ConfigMap')).toEqual([]);
    for (const { volumes } of podsOf(manifests).values()) {
      expect(volumes.find(({ name }) => name === 'configuration')).toMatchObject({
        configMap: { name: 'mine' },
      });
    }
  });
});

describe.skipIf(helm === '')('the autoscaling of the chart', () => {
  const scaledObject = z.object({
    spec: z.object({
      scaleTargetRef: z.object({ name: z.string() }),
      minReplicaCount: z.number(),
      triggers: z.tuple([
        z.object({ type: z.literal('temporal'), metadata: z.record(z.string(), z.string()) }),
      ]),
    }),
  });
  const autoscaler = z.object({
    spec: z.object({
      minReplicas: z.number(),
      metrics: z.tuple([
        z.object({
          external: z.object({
            metric: z.object({
              name: z.string(),
              selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
            }),
          }),
        }),
      ]),
    }),
  });
  /** What KEDA's scaler for Temporal reads; anything else it ignores. */
  const read = [
    ...['endpoint', 'namespace', 'taskQueue', 'queueTypes', 'targetQueueSize', 'activationTargetQueueSize'],
    ...['workerDeploymentName', 'workerDeploymentBuildId', 'minConnectTimeout', 'unsafeSsl', 'tlsServerName'],
  ];

  it('by KEDA asks Temporal for the backlog of a queue that the pool works for', () => {
    const manifests = made(helm, { ...EVERYTHING, 'autoscaling.by': 'keda' });
    const objects = ofKind(manifests, 'ScaledObject').map((object) => scaledObject.parse(object));
    expect(objects).toHaveLength(2);
    for (const { spec } of objects) {
      const [{ metadata }] = spec.triggers;
      for (const key of Object.keys(metadata)) expect(read).toContain(key);
      expect(metadata).toMatchObject({
        endpoint: NEEDED['temporal.address'],
        workerDeploymentBuildId: EVERYTHING['workerVersioning.buildId'],
      });
      expect(spec.minReplicaCount).toBeGreaterThan(0);
      const pod = podsOf(manifests).get(spec.scaleTargetRef.name);
      expect(taskQueuesOf(pod?.containers[0].args ?? [])).toContain(metadata['taskQueue']);
    }
  });

  it('by KEDA shows Temporal the same key and certificate as the workers', () => {
    const manifests = made(helm, { ...EVERYTHING, 'autoscaling.by': 'keda' });
    const [authentication] = ofKind(manifests, 'TriggerAuthentication');
    const references = z
      .object({ secretTargetRef: z.array(z.object({ parameter: z.string(), name: z.string() })) })
      .parse(authentication?.['spec']).secretTargetRef;
    expect(Object.fromEntries(references.map(({ parameter, name }) => [parameter, name]))).toEqual({
      apiKey: 'temporal-key',
      cert: 'temporal-tls',
      key: 'temporal-tls',
      ca: 'temporal-tls',
    });
    expect(ofKind(made(helm, { 'autoscaling.by': 'keda' }), 'TriggerAuthentication')).toEqual([]);
  });

  it('by an adapter names a metric and a label that workers have', async () => {
    const metrics = createMetrics();
    metrics.queueSeen({ taskQueue: 'retirement', kind: 'workflow', backlog: 1, backlogAgeSeconds: 1 });
    const text = await metrics.text();
    const autoscalers = ofKind(
      made(helm, { 'autoscaling.by': 'external-metrics' }),
      'HorizontalPodAutoscaler',
    );
    expect(autoscalers).toHaveLength(2);
    for (const { spec } of autoscalers.map((object) => autoscaler.parse(object))) {
      const { name, selector } = spec.metrics[0].external.metric;
      expect(Object.keys(selector.matchLabels)).toEqual(['task_queue']);
      expect(text).toMatch(new RegExp(`^${name}\\{task_queue=`, 'm'));
      expect(spec.minReplicas).toBeGreaterThan(0);
    }
  });

  it('leaves the number of workers to whoever scales them', () => {
    const replicas = (by: string): readonly unknown[] =>
      ofKind(made(helm, { 'autoscaling.by': by }), 'Deployment').map(
        ({ spec }) => z.object({ replicas: z.number().optional() }).parse(spec).replicas,
      );
    expect(replicas('none')).toEqual([1, 1]);
    expect(replicas('keda')).toEqual([undefined, undefined]);
    expect(replicas('external-metrics')).toEqual([undefined, undefined]);
  });
});

describe.skipIf(helm === '')('the network policy of the chart', () => {
  const policy = (values = {}): unknown => ofKind(made(helm, values), 'NetworkPolicy')[0]?.['spec'];

  it('lets only the monitoring in, and limits nobody on the way out', () => {
    expect(policy()).toMatchObject({
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: 'metrics' }] }],
    });
  });

  it('limits the way out once that is described', () => {
    expect(policy({ 'networkPolicy.egress[0].ports[0].port': 443 })).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      egress: [{ ports: [{ port: 443 }] }],
    });
  });
});

function ofKind(manifests: readonly Manifest[], wanted: string): readonly Manifest[] {
  return manifests.filter(({ kind }) => kind === wanted);
}
