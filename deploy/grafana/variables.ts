/** What can be chosen at the top of the dashboard, and where that goes into a query. */
import {
  ConstantVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

export const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;
export const DOCS = '$docs';

/** Where the documents are served, as in the templates of the Alertmanager; to be changed on import. */
const DOCS_URL = 'https://docs.example.com/ratecache';

export const VARIABLES = [
  new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'),
  choice('namespace', 'Namespace', 'label_values(instance_count, namespace)').includeAll(true).allValue('.*'),
  choice('instance', 'Instance', 'label_values(up{job="cache-service", namespace=~"$namespace"}, instance)')
    .multi(true)
    .includeAll(true)
    .allValue('.+'),
  new ConstantVariableBuilder('docs').label('Where docs/runbook.md is served').value(DOCS_URL),
];

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .current({ selected: true, text: 'All', value: '$__all' });
}
