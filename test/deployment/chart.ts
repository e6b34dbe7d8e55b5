import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { root } from './compose-file.ts';

export const CHART = path.join(root, 'deploy/helm/registrar');

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });

const container = z.object({
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(z.object({ name: z.string(), value: z.string() })),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })).default([]),
  startupProbe: probe.optional(),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  resources: z.object({ limits: z.object({ memory: z.string() }) }),
  securityContext: z.record(z.string(), z.unknown()),
  volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
});

const pod = z.object({
  terminationGracePeriodSeconds: z.number().optional(),
  automountServiceAccountToken: z.boolean(),
  securityContext: z.record(z.string(), z.unknown()),
  containers: z.tuple([container]),
  volumes: z.array(
    z.looseObject({
      name: z.string(),
      secret: z
        .object({
          secretName: z.string(),
          defaultMode: z.number(),
          items: z.array(z.object({ key: z.string(), path: z.string() })).optional(),
        })
        .optional(),
      configMap: z.object({ name: z.string() }).optional(),
    }),
  ),
});

const podOwner = z.object({ spec: z.object({ template: z.object({ spec: pod }) }) });

/** What Kubernetes is to make, whatever its kind. */
export const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
});

export type Manifest = z.infer<typeof manifest>;
export type Pod = z.infer<typeof pod>;

/** What the chart needs to be told. */
export const NEEDED: Values = {
  'temporal.address': 'temporal-frontend.temporal:7233',
  'database.worker.existingSecret': 'registrar-database',
};

/** Everything of which the chart makes a variable or a mount. */
export const EVERYTHING: Values = {
  'secrets.existingSecret': 'registrar-secrets',
  'secrets.names': '{LMS_CLIENT_ID,LMS_CLIENT_SECRET}',
  'database.owner.existingSecret': 'registrar-owner',
  'database.workerRole': 'registrar_worker',
  'temporal.uiUrl': 'https://temporal.example.org',
  'temporal.apiKey.existingSecret': 'temporal-key',
  'temporal.tls.enabled': true,
  'temporal.tls.serverName': 'temporal.example.org',
  'temporal.tls.existingSecret': 'temporal-tls',
  'temporal.tls.authority': true,
  'temporal.tls.clientCertificate': true,
  'workerVersioning.deploymentName': 'registrar',
  'workerVersioning.buildId': 'v2',
  'monitoring.otlpEndpoint': 'http://collector:4318',
};

/** Values by their path, as `--set` takes them. */
export type Values = Readonly<Record<string, string | number | boolean>>;

export type Rendered =
  | { readonly kind: 'rendered'; readonly manifests: readonly Manifest[] }
  | { readonly kind: 'refused'; readonly said: string };

/** `helm`, where the machine has one: in PATH, or where `.ci/run` builds it. */
export function findHelm(): string | undefined {
  const built = path.join(os.homedir(), '.cache/registrar/bin/helm');
  return ['helm', built].find((program) => {
    if (program === built && !existsSync(built)) return false;
    return spawnSync(program, ['version', '--short']).status === 0;
  });
}

/** What the chart makes of the values, with registrar.example.yml unless they name a ConfigMap. */
export function render(helm: string, values: Values): Rendered {
  const { status, stdout, stderr } = runHelm(helm, ['template', 'registrar', CHART], values);
  if (status !== 0) return { kind: 'refused', said: stderr };
  // As Kubernetes reads it: 0440 is octal.
  const documents = parseAllDocuments(stdout, { version: '1.1' });
  const found = documents.map((document) => z.unknown().parse(document.toJS())).filter((one) => one !== null);
  return { kind: 'rendered', manifests: z.array(manifest).parse(found) };
}

export function runHelm(
  helm: string,
  command: readonly string[],
  values: Values,
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const configuration =
    'configuration.existingConfigMap' in values
      ? []
      : ['--set-file', `configuration.file=${path.join(root, 'registrar.example.yml')}`];
  // One that Go built by itself takes Kubernetes for a very old one.
  const kubernetes = command[0] === 'template' ? ['--kube-version', '1.33.0'] : [];
  const { status, stdout, stderr } = spawnSync(helm, [...command, ...kubernetes, ...configuration, ...set], {
    encoding: 'utf8',
  });
  // It tells of every linked file, each time.
  const said = stderr.split('\n').filter((line) => !line.includes('found symbolic link'));
  return { status, stdout, stderr: said.join('\n') };
}

/** What the chart makes of what it needs and the values. Throws what Helm says when it refuses them. */
export function made(helm: string, values: Values = {}): readonly Manifest[] {
  const rendered = render(helm, { ...NEEDED, ...values });
  if (rendered.kind === 'refused') throw new Error(rendered.said);
  return rendered.manifests;
}

/** The pods of the Deployments and of the Job, by the name of what makes them. */
export function podsOf(manifests: readonly Manifest[]): ReadonlyMap<string, Pod> {
  const owners = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
  return new Map(owners.map((owner) => [owner.metadata.name, podOwner.parse(owner).spec.template.spec]));
}
