/** The selections at the top of the dashboard. */
import {
  ConstantVariableBuilder,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';

export const DATASOURCE = { type: 'prometheus', uid: '$datasource' } as const;
export const DOCS = '$docs';

/** The URL of the documents, as in the template of the Alertmanager; change it during the import. */
const DOCS_URL = 'https://docs.example.com/ratecache';

export const VARIABLES = [
  new DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus'),
  choice('namespace', 'Namespace', 'label_values(instance_count, namespace)').includeAll(true).allValue('.*'),
  choice('instance', 'Instance', 'label_values(up{job="cache-service", namespace=~"$namespace"}, instance)')
    .multi(true)
    .includeAll(true)
    .allValue('.+'),
  new ConstantVariableBuilder('docs').label('URL of the documents').value(DOCS_URL),
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
