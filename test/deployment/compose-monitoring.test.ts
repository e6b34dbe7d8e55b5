import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { readComposeFile, readRootFile, type ComposeService } from './compose-file.ts';

const { services } = readComposeFile();
const workers = Object.entries(services).filter(([, { command }]) => command[0] === 'worker');

describe('the monitoring of docker-compose.yml', () => {
  const prometheus = parse(readRootFile('deploy/monitoring/prometheus.yml')) as {
    readonly rule_files: readonly string[];
    readonly scrape_configs: readonly {
      readonly dns_sd_configs: readonly { readonly names: readonly string[]; readonly port: number }[];
    }[];
  };

  test('scrapes every worker where it serves its metrics', () => {
    const scraped = prometheus.scrape_configs.flatMap(({ dns_sd_configs: found }) => found);
    expect(scraped.flatMap(({ names }) => names).sort()).toEqual(workers.map(([name]) => name).sort());
    for (const [, { environment }] of workers) {
      for (const { port } of scraped) expect(environment['REGISTRAR_HTTP_ADDRESS']).toBe(`0.0.0.0:${port}`);
    }
  });

  test('is left out unless it is asked for, and nothing else is', () => {
    const optional = Object.entries(services).filter(
      ([, { profiles, restart }]) => profiles.length > 0 && restart === 'unless-stopped',
    );
    expect(optional.map(([name, { profiles }]) => [name, profiles])).toEqual([
      ['prometheus', ['monitoring']],
      ['grafana', ['monitoring']],
    ]);
  });

  test('finds its files where they are mounted', () => {
    const mounts = mountsOf(services['prometheus']);
    expect(services['prometheus']?.command[0]).toBe('--config.file=/etc/prometheus/prometheus.yml');
    expect(mounts.get('/etc/prometheus/prometheus.yml')).toBe('./deploy/monitoring/prometheus.yml');
    for (const file of prometheus.rule_files) {
      expect(mounts.get(`/etc/prometheus/${file}`)).toBe('./deploy/prometheus/rules.yml');
    }
    const grafana = mountsOf(services['grafana']);
    const { providers } = parse(readRootFile('deploy/monitoring/grafana-dashboards.yml')) as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };
    expect(providers.map(({ options }) => grafana.get(options.path))).toEqual(['./deploy/grafana']);
  });

  test('asks the Prometheus beside it', () => {
    const { datasources } = parse(readRootFile('deploy/monitoring/grafana-datasource.yml')) as {
      readonly datasources: readonly { readonly url: string; readonly isDefault: boolean }[];
    };
    const port = services['prometheus']?.ports[0]?.split(':').at(-1);
    expect(datasources).toMatchObject([{ url: `http://prometheus:${port}`, isDefault: true }]);
  });
});

/** Sources by where they are mounted. */
function mountsOf(service: ComposeService | undefined): ReadonlyMap<string, string> {
  return new Map(
    service?.volumes.map((volume) => volume.split(':')).map(([from = '', to = '']) => [to, from]),
  );
}
