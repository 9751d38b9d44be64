// Settings of `workflow_metrics`; keys as in the Collector's span metrics connector where it has them.

import { type Static, Type } from 'typebox'
import type { Problem } from '../../core/component/declaration.js'
import { duration } from '../../core/config/fields.js'
import { METRIC_IDS } from './metrics.js'

const keys = (about: string, ...names: string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 120 }), { default: names, description: about })

export const schema = Type.Object(
  {
    metrics_flush_interval: duration({
      default: '10s',
      description: 'How often the metrics are sent on when they have changed. Unchanged ones are repeated every minute.'
    }),
    metrics: Type.Array(Type.Union(METRIC_IDS.map(id => Type.Literal(id))), {
      default: [...METRIC_IDS],
      description:
        'Which metrics are made, by their name without `algoflow.`. Leave out what AlgoFlow sends itself: it would be there twice.'
    }),
    histogram: Type.Object(
      {
        exponential: Type.Object(
          {
            max_size: Type.Integer({
              default: 160,
              minimum: 2,
              maximum: 320,
              description: 'Buckets at most; with more values the buckets become wider.'
            })
          },
          { default: {}, additionalProperties: false }
        ),
        explicit: Type.Optional(
          Type.Object(
            {
              buckets: Type.Array(duration(), {
                minItems: 1,
                maxItems: 200,
                description: 'Upper bounds, ascending.',
                examples: [['10ms', '100ms', '1s', '10s', '1m']]
              })
            },
            { additionalProperties: false, description: 'Given: explicit buckets instead of exponential ones.' }
          )
        )
      },
      { default: {}, additionalProperties: false, description: 'Buckets of the histograms.' }
    ),
    aggregation_cardinality_limit: Type.Integer({
      default: 2000,
      minimum: 2,
      maximum: 1_000_000,
      description:
        'Series a metric has at most. What would be one more is counted in a series with the one attribute `otel.metric.overflow=true`.'
    }),
    exemplars: Type.Object(
      {
        enabled: Type.Boolean({ default: true }),
        max_per_data_point: Type.Integer({
          default: 3,
          minimum: 1,
          maximum: 20,
          description: 'Exemplars a point has.'
        }),
        sampling_percentage: Type.Number({
          default: 100,
          minimum: 0,
          maximum: 100,
          description:
            'The part of traces without an error that sampling keeps for certain: only those, and traces with an error, become exemplars. Without it those that sampling keeps most likely are preferred.'
        })
      },
      { default: {}, additionalProperties: false, description: 'Traces that points refer to.' }
    ),
    dedupe: Type.Object(
      {
        window: duration({
          default: '5m',
          description: 'A span that comes again within this time is counted once. As long as senders retry.'
        }),
        max_spans: Type.Integer({
          default: 2_000_000,
          minimum: 1000,
          maximum: 100_000_000,
          description:
            'Span ids remembered at most, 20 to 80 bytes of memory each; beyond it the oldest half is forgotten before its time.'
        })
      },
      { default: {}, additionalProperties: false, description: 'What counts as sent twice.' }
    ),
    workflow_name_wait: duration({
      default: '1m',
      description:
        'How long a step span that does not say the name of its workflow waits for a span of its trace that does, before it is counted without.'
    }),
    active_timeout: duration({
      default: '10m',
      description: 'A workflow of which no span came for so long is no longer counted as active.'
    }),
    attribute_prefix: Type.String({
      default: 'algoflow.',
      description: 'Attribute names are known with and without this in front.'
    }),
    attributes: Type.Object(
      {
        workflow_name: keys(
          'Name of the workflow. A span with it and without a step name is a workflow.',
          'workflow.name'
        ),
        step_name: keys('Name of the step. A span with it is a step.', 'step.name'),
        error_type: keys('What went wrong.', 'step.error_type', 'workflow.error_type', 'error.type'),
        attempt: keys('Number of the attempt, 1 for the first.', 'step.attempt'),
        cached: keys('Whether the result came from the cache.', 'step.cached'),
        queue_time_ms: keys('Milliseconds of waiting before the step ran.', 'step.queue_time_ms'),
        memory_used: keys('Bytes.', 'memory.used', 'step.memory_used_bytes'),
        threads_active: keys('Threads.', 'threads.active', 'step.threads_active'),
        cache_size: keys('Bytes.', 'cache.size', 'step.cache_size_bytes')
      },
      { default: {}, additionalProperties: false, description: 'Names of the span attributes that are read.' }
    ),
    retries: Type.Union([Type.Literal('highest_attempt'), Type.Literal('sum')], {
      default: 'highest_attempt',
      description:
        '`highest_attempt`: a step of a trace has as many retries as its highest attempt says, whether each attempt has a span or only the last one. `sum`: every span counts its attempt less one; for workflows that run steps of one name several times and send one span each.'
    }),
    resource_attributes: Type.Record(Type.String(), Type.String(), {
      default: {},
      description: 'Resource attributes of the metrics, besides `service.name` (`algoflow`) and `service.instance.id`.',
      examples: [{ 'deployment.environment.name': 'production' }]
    })
  },
  { additionalProperties: false }
)

export type WorkflowMetricsConfig = Static<typeof schema>

export function validate(config: WorkflowMetricsConfig): readonly Problem[] {
  const found: Problem[] = []
  if (config.metrics_flush_interval < 100) found.push({ path: 'metrics_flush_interval', says: 'is shorter than 100ms' })
  const bounds = config.histogram.explicit?.buckets ?? []
  if (bounds.some((bound, i) => i > 0 && bound <= bounds[i - 1]!))
    found.push({ path: 'histogram.explicit.buckets', says: 'must ascend' })
  return found
}
