// The fleet's workflows: steps, what they depend on, how long they take, what may go wrong with them.

/** How a step fails: `step.error_type`, a message with places for personal data, and whether trying again can help. */
export interface Cause {
  readonly type: string
  /** {email}, {card}, {host} are filled in. */
  readonly message: string
  readonly isTransient: boolean
}

/** A request that a step makes: a span of its own below the step's. */
export interface Call {
  /** Name of the span; {email} may stand in it, as it does when a program puts a value where a template belongs. */
  readonly name: string
  readonly system: 'http' | 'postgresql'
  /** URL path or statement; {email} and {secret} are filled in. */
  readonly detail: string
}

export interface StepSpec {
  readonly name: string
  readonly after: readonly string[]
  /** Median of its time, milliseconds. */
  readonly ms: number
  readonly timeoutMs: number
  /** Its result can come from the cache. */
  readonly isCacheable: boolean
  readonly memoryMb: number
  readonly outputKb: number
  readonly causes: readonly Cause[]
  readonly calls: readonly Call[]
}

export interface WorkflowSpec {
  readonly name: string
  readonly version: string
  /** Steps that may run at once. */
  readonly parallelism: number
  /** How often it is started, against the others. */
  readonly weight: number
  readonly trigger: 'api' | 'schedule' | 'queue'
  readonly steps: readonly StepSpec[]
}

const UNAVAILABLE: Cause = { type: 'ConnectionRefused', message: 'connect to {host}: refused', isTransient: true }
const RATE_LIMITED: Cause = { type: 'RateLimited', message: 'HTTP 429 from {host} for {email}', isTransient: true }
const LOCKED: Cause = { type: 'LockTimeout', message: 'row is locked by another transaction', isTransient: true }
const MEMORY: Cause = { type: 'OutOfMemory', message: 'heap exhausted at 4096 MB', isTransient: true }
const INVALID: Cause = { type: 'ValidationError', message: 'field contact: {email} is not known', isTransient: false }
const DECLINED: Cause = { type: 'CardDeclined', message: 'card {card} was declined', isTransient: false }
const MAILBOX: Cause = { type: 'MailboxUnavailable', message: '550 mailbox {email} unavailable', isTransient: false }
const MISSING: Cause = { type: 'FileNotFound', message: 'no such object in bucket input', isTransient: false }

const API: Call = { name: 'GET', system: 'http', detail: '/v1/partners?contact={email}&access_token={secret}' }
const LOOKUP: Call = {
  name: 'SELECT customers',
  system: 'postgresql',
  detail: "SELECT id, name FROM customers WHERE email = '{email}' AND tenant = 7"
}
const STORE: Call = { name: 'INSERT results', system: 'postgresql', detail: 'INSERT INTO results VALUES ($1, $2, $3)' }
const MAIL: Call = { name: 'send mail to {email}', system: 'http', detail: '/v3/mail/send' }

interface More {
  readonly cached?: boolean
  readonly mb?: number
  readonly kb?: number
  readonly timeoutMs?: number
  readonly causes?: readonly Cause[]
  readonly calls?: readonly Call[]
}

function step(name: string, after: readonly string[], ms: number, more: More = {}): StepSpec {
  return {
    name,
    after,
    ms,
    timeoutMs: more.timeoutMs ?? Math.max(1000, Math.ceil((ms * 8) / 1000) * 1000),
    isCacheable: more.cached ?? false,
    memoryMb: more.mb ?? 64,
    outputKb: more.kb ?? 12,
    causes: more.causes ?? [UNAVAILABLE, LOCKED],
    calls: more.calls ?? []
  }
}

const INVOICES: WorkflowSpec = {
  name: 'invoice-matching',
  version: '3.2.0',
  parallelism: 3,
  weight: 5,
  trigger: 'queue',
  steps: [
    step('fetch-invoice', [], 180, { calls: [API], causes: [UNAVAILABLE, MISSING] }),
    step('ocr-scan', ['fetch-invoice'], 1400, { cached: true, mb: 420, kb: 240, causes: [MEMORY, UNAVAILABLE] }),
    step('extract-fields', ['ocr-scan'], 350, { causes: [INVALID] }),
    step('load-orders', ['fetch-invoice'], 220, { cached: true, calls: [LOOKUP] }),
    step('match-orders', ['extract-fields', 'load-orders'], 260, { mb: 128, causes: [INVALID, LOCKED] }),
    step('post-ledger', ['match-orders'], 90, { calls: [STORE], causes: [LOCKED] }),
    step('notify-supplier', ['post-ledger'], 140, { calls: [MAIL], causes: [MAILBOX, RATE_LIMITED] })
  ]
}

const ONBOARDING: WorkflowSpec = {
  name: 'customer-onboarding',
  version: '7.0.4',
  parallelism: 4,
  weight: 4,
  trigger: 'api',
  steps: [
    step('collect-form', [], 60, { causes: [INVALID] }),
    step('verify-identity', ['collect-form'], 1900, { calls: [API], causes: [RATE_LIMITED, UNAVAILABLE] }),
    step('sanctions-check', ['collect-form'], 640, { cached: true, calls: [API], causes: [UNAVAILABLE] }),
    step('score-risk', ['verify-identity', 'sanctions-check'], 310, { mb: 256 }),
    step('create-account', ['score-risk'], 120, { calls: [LOOKUP, STORE], causes: [LOCKED] }),
    step('send-welcome', ['create-account'], 130, { calls: [MAIL], causes: [MAILBOX] })
  ]
}

const SETTLEMENT: WorkflowSpec = {
  name: 'nightly-settlement',
  version: '12.1.0',
  parallelism: 2,
  weight: 1,
  trigger: 'schedule',
  steps: [
    step('load-transactions', [], 2600, { mb: 900, kb: 9000, calls: [LOOKUP], causes: [MEMORY] }),
    step('convert-eur', ['load-transactions'], 1500, { mb: 300, kb: 2400, cached: true }),
    step('convert-usd', ['load-transactions'], 1700, { mb: 300, kb: 2800, cached: true }),
    step('convert-gbp', ['load-transactions'], 1200, { mb: 300, kb: 1900, cached: true }),
    step('reconcile', ['convert-eur', 'convert-usd', 'convert-gbp'], 3200, { mb: 1200, kb: 700, causes: [INVALID] }),
    step('publish-report', ['reconcile'], 240, { calls: [STORE] })
  ]
}

const ORDERS: WorkflowSpec = {
  name: 'order-fulfilment',
  version: '5.8.1',
  parallelism: 3,
  weight: 8,
  trigger: 'api',
  steps: [
    step('validate-order', [], 40, { causes: [INVALID] }),
    step('reserve-stock', ['validate-order'], 110, { calls: [STORE], causes: [LOCKED] }),
    step('charge-card', ['validate-order'], 480, { calls: [API], causes: [DECLINED, UNAVAILABLE] }),
    step('print-label', ['reserve-stock', 'charge-card'], 210),
    step('notify-customer', ['print-label'], 90, { calls: [MAIL], causes: [MAILBOX] })
  ]
}

const FRAUD: WorkflowSpec = {
  name: 'fraud-screening',
  version: '2.14.0',
  parallelism: 6,
  weight: 10,
  trigger: 'queue',
  steps: [
    step('enrich', [], 45, { cached: true, calls: [LOOKUP] }),
    step('device-fingerprint', [], 70, { calls: [API] }),
    step('velocity-rules', ['enrich'], 35),
    step('score-model', ['enrich', 'device-fingerprint'], 120, { mb: 512, causes: [MEMORY, UNAVAILABLE] }),
    step('decide', ['velocity-rules', 'score-model'], 15, { calls: [STORE] })
  ]
}

const REPORTS: WorkflowSpec = {
  name: 'report-rendering',
  version: '1.9.3',
  parallelism: 2,
  weight: 3,
  trigger: 'schedule',
  steps: [
    step('query-warehouse', [], 2100, { cached: true, mb: 350, kb: 4200, calls: [LOOKUP], causes: [UNAVAILABLE] }),
    step('render-charts', ['query-warehouse'], 900, { cached: true, mb: 280, kb: 800 }),
    step('render-tables', ['query-warehouse'], 500, { mb: 160, kb: 300 }),
    step('render-pdf', ['render-charts', 'render-tables'], 1300, { mb: 600, kb: 2500, causes: [MEMORY] }),
    step('mail-report', ['render-pdf'], 160, { calls: [MAIL], causes: [MAILBOX, RATE_LIMITED] })
  ]
}

const TRAINING: WorkflowSpec = {
  name: 'model-retraining',
  version: '0.31.0',
  parallelism: 3,
  weight: 0.5,
  trigger: 'schedule',
  steps: [
    step('snapshot-features', [], 1800, { cached: true, mb: 800, kb: 30_000 }),
    step('train-shard-1', ['snapshot-features'], 6000, { mb: 2400, kb: 9000, causes: [MEMORY] }),
    step('train-shard-2', ['snapshot-features'], 6400, { mb: 2400, kb: 9000, causes: [MEMORY] }),
    step('train-shard-3', ['snapshot-features'], 5900, { mb: 2400, kb: 9000, causes: [MEMORY] }),
    step('merge-shards', ['train-shard-1', 'train-shard-2', 'train-shard-3'], 900, { mb: 1600, kb: 9000 }),
    step('evaluate', ['merge-shards'], 1500, { mb: 900, causes: [INVALID] }),
    step('register-model', ['evaluate'], 110, { calls: [STORE] })
  ]
}

const IMAGES: WorkflowSpec = {
  name: 'image-moderation',
  version: '4.4.2',
  parallelism: 4,
  weight: 6,
  trigger: 'queue',
  steps: [
    step('fetch-image', [], 150, { kb: 1800, causes: [MISSING, UNAVAILABLE] }),
    step('thumbnail', ['fetch-image'], 80, { cached: true, mb: 96, kb: 60 }),
    step('detect-faces', ['fetch-image'], 420, { cached: true, mb: 700, causes: [MEMORY] }),
    step('classify', ['fetch-image'], 380, { mb: 700, causes: [MEMORY, UNAVAILABLE] }),
    step('index-image', ['thumbnail', 'detect-faces', 'classify'], 70, { calls: [STORE] })
  ]
}

const CATALOGUE = [ORDERS, FRAUD, ONBOARDING, INVOICES, IMAGES, REPORTS, SETTLEMENT, TRAINING] as const
export const CATALOGUE_SIZE = CATALOGUE.length

/** `count` workflows: the catalogue, and then the same again under the names of regions. */
export function workflows(count: number): readonly WorkflowSpec[] {
  return Array.from({ length: count }, (_, i) => {
    const spec = CATALOGUE[i % CATALOGUE.length] as WorkflowSpec
    const region = Math.floor(i / CATALOGUE.length)
    return region === 0 ? spec : { ...spec, name: `${spec.name}-region-${region}` }
  })
}
