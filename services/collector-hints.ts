// What to write instead of what a Collector's config has and this gateway does not. `core/config/load.ts` looks here for keys and
// types that it does not know:
//
//   section               a key at the top
//   section/type          a component type; `section/*` for any other
//   section/type.key      a key of a component, without indexes of lists; `section/*.key` for every component
//   service.key           a key of the service
//
// docs/migration.md has the same for people who read first. `collector-hints.test.ts` holds that nothing here is a key that exists.

const NO_EXTENSIONS = 'There are none: health and status are at `service.telemetry.admin.endpoint`, storage is `queue`.'
const ELSEWHERE = 'in the SDK or in an agent in front, or write a `custom` processor (docs/custom-processors.md).'
const NO_SUCH_PROCESSOR = `Do it ${ELSEWHERE}`
const FILTER =
  'Conditions are written as rules: `drop: [{name: health_checks, attributes: {http.route: /healthz}}]`; docs/migration.md has a table.'
const METRICS = 'Own metrics are at `/metrics` of `service.telemetry.admin.endpoint`: write the address there.'
const EXPORTER_AUTH =
  'Write the header: `headers: {authorization: "Bearer ${env:TOKEN}"}`, or `${file:PATH}` for one that changes.'
const RECEIVER_AUTH = 'Keys of senders are in `receivers.otlp.auth.keys`; `keys new NAME` makes one.'
const NOT_NEEDED = 'Not needed: leave it out.'
const OWN_QUEUE = `${NOT_NEEDED} Everything waits in the durable queue; its place is \`queue.path\`.`
const ATTRIBUTES_OTHERS =
  '`hash` is the processor `hashing`; removing by pattern is `redaction: {redact_fields: [{field: "internal.*", action: drop}]}`; extract and convert need a `custom` processor.'
const CUSTOM_EXPORTER = 'Send OTLP to it where it takes that, or write a `custom` exporter (docs/custom-exporters.md).'

export const COLLECTOR_HINTS: Readonly<Record<string, string>> = {
  extensions: NO_EXTENSIONS,
  connectors:
    'There are none: what makes metrics from spans is a processor here, `workflow_metrics`; metrics pipelines name it among their receivers.',
  'service.extensions': NO_EXTENSIONS,
  'service.telemetry.metrics.address': METRICS,
  'service.telemetry.metrics.readers': METRICS,
  'service.telemetry.metrics.views': NOT_NEEDED,
  'service.telemetry.traces': 'The gateway makes no spans of its own: leave it out.',
  'service.telemetry.resource': 'Leave it out: scrapers and log shippers add their own labels.',

  'receivers/*': 'Only OTLP comes in. Keep an agent or a Collector for other sources and let it send OTLP here.',
  'receivers/otlp.protocols.http.auth': RECEIVER_AUTH,
  'receivers/otlp.protocols.grpc.auth': RECEIVER_AUTH,
  'receivers/otlp.protocols.http.include_metadata': NOT_NEEDED,
  'receivers/otlp.protocols.grpc.include_metadata': NOT_NEEDED,
  'receivers/otlp.protocols.grpc.read_buffer_size': NOT_NEEDED,
  'receivers/otlp.protocols.grpc.write_buffer_size': NOT_NEEDED,

  'processors/batch': `${NOT_NEEDED} Requests are grouped on the way out; see \`sending_queue.batch\` of the exporter.`,
  'processors/memory_limiter': `${NOT_NEEDED} Memory is bounded, and a full queue (\`queue.max_size\`) refuses senders.`,
  'processors/groupbytrace': `${NOT_NEEDED} \`tail_sampling\` gathers traces itself.`,
  'processors/resource':
    'Resources stay as the sender wrote them: set OTEL_RESOURCE_ATTRIBUTES there, or write `attributes`, which sets it on each item; removing is `redaction: {redact_fields: [{field: key, action: drop}]}`.',
  'processors/resourcedetection':
    'The sender knows its own resource: set its resource detectors or OTEL_RESOURCE_ATTRIBUTES.',
  'processors/k8sattributes':
    'Set OTEL_RESOURCE_ATTRIBUTES of the pods from the downward API, or keep an agent on the node.',
  'processors/transform': `There is no OTTL. \`attributes\`, \`filter\`, \`redaction\` and \`hashing\` do the common part. Do the rest ${ELSEWHERE}`,
  'processors/span': NO_SUCH_PROCESSOR,
  'processors/metricstransform': NO_SUCH_PROCESSOR,
  'processors/cumulativetodelta': NO_SUCH_PROCESSOR,
  'processors/routing': 'Write a pipeline for each way, with a `filter` in it.',
  'processors/attributes.include':
    'It is for all items of its pipeline: give those others a pipeline of their own with a `filter`.',
  'processors/attributes.exclude':
    'It is for all items of its pipeline: give those others a pipeline of their own with a `filter`.',
  'processors/attributes.actions.action': ATTRIBUTES_OTHERS,
  'processors/attributes.actions.pattern': ATTRIBUTES_OTHERS,
  'processors/filter.error_mode': `${NOT_NEEDED} A rule cannot fail.`,
  'processors/filter.traces': FILTER,
  'processors/filter.metrics': FILTER,
  'processors/filter.logs': FILTER,
  'processors/filter.spans': FILTER,
  'processors/redaction.allowed_values':
    'No value is let through by its look. A key whose values may stay is in `ignored_keys`; a detector that is wrong is set to `off`.',
  'processors/redaction.hash_function':
    'Write `action: hash` and `hash_key: ${env:HASH_KEY}`: a keyed hash (HMAC-SHA-256).',
  'processors/redaction.url_sanitizer':
    'Passwords and signatures in URLs always go; more parameters are in `url_params`.',
  'processors/redaction.db_sanitizer': 'Write `statements: obfuscate`.',
  'processors/redaction.ignored_key_patterns': 'Write the keys themselves in `ignored_keys`.',
  'processors/redaction.redact_all_types': `${NOT_NEEDED} Numbers and bytes are always looked at.`,

  'exporters/logging': 'Write `debug`.',
  'exporters/loki': 'Loki takes OTLP: `otlp_http: {endpoint: "https://LOKI/otlp"}`.',
  'exporters/zipkin': 'Send OTLP: `otlp_http` or `otlp_grpc`.',
  'exporters/loadbalancing':
    'Not needed: with `queue: {type: redis}` any gateway takes any span and traces are judged whole (docs/cluster.md).',
  'exporters/nop': 'Leave it out; a pipeline needs an exporter that does something, `debug` for example.',
  'exporters/kafka': CUSTOM_EXPORTER,
  'exporters/elasticsearch': CUSTOM_EXPORTER,
  'exporters/datadog': CUSTOM_EXPORTER,
  'exporters/*.auth': EXPORTER_AUTH,
  'exporters/*.sending_queue.storage': OWN_QUEUE,
  'exporters/*.sending_queue.blocking': 'Write `block_on_overflow`.',
  'exporters/*.sending_queue.wait_for_result': `${NOT_NEEDED} The sender is answered when its data is on the disk.`,
  'exporters/*.balancer_name': `${NOT_NEEDED} \`channels\` says how many connections there are.`,
  'exporters/*.read_buffer_size': NOT_NEEDED,
  'exporters/*.write_buffer_size': NOT_NEEDED,
  'exporters/*.max_idle_conns': `${NOT_NEEDED} \`max_conns_per_host\` limits connections.`,
  'exporters/*.max_idle_conns_per_host': `${NOT_NEEDED} \`max_conns_per_host\` limits connections.`
}
