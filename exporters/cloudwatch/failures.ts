// What CloudWatch or the way to it said -> whether to try again.

import { catalogue } from '../../core/component/errors.js'

export const errors = catalogue({
  CLOUDWATCH_REGION: () =>
    'cloudwatch: no AWS region is known. Set `region`, or AWS_REGION, or a region in the shared AWS config file.',
  CLOUDWATCH_THROTTLED: (name: string) =>
    `cloudwatch: PutMetricData is throttled (${name}). It is sent again later; ask AWS for a higher quota if it stays.`,
  CLOUDWATCH_CREDENTIALS: (name: string) =>
    `cloudwatch: the credentials are missing or not accepted (${name}). They need cloudwatch:PutMetricData; see the SDK’s default chain.`,
  CLOUDWATCH_UNAVAILABLE: (name: string) => `cloudwatch: no answer from the service (${name}).`,
  CLOUDWATCH_REFUSED: (name: string, why: string) => `cloudwatch: PutMetricData was refused (${name}): ${why}`,
  CLOUDWATCH_TOO_LARGE: (name: string) => `cloudwatch: the request is larger than the service takes (${name}).`
})

export interface Failure {
  readonly retry: boolean
  readonly tooLarge?: boolean
  readonly afterMs?: number
  readonly cause: Error
}

const THROTTLES = /Throttl|TooManyRequests|RequestLimitExceeded|LimitExceeded|SlowDown|BandwidthLimit/i
const CREDENTIALS =
  /Credentials|AccessDenied|InvalidClientTokenId|UnrecognizedClient|ExpiredToken|MissingAuthenticationToken|SignatureDoesNotMatch|InvalidSignature|OptInRequired|NotAuthorized|RequestExpired|TokenProvider/i
const TOO_LARGE = /RequestEntityTooLarge|PayloadTooLarge|RequestTooLarge/i
const MAX_WORDS = 300

interface ServiceError {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

/** Sorts an error of the SDK. Unknown ones without a 4xx status may work later. */
export function failureOf(error: unknown): Failure {
  const given = error as ServiceError
  const name = given.name === undefined || given.name === 'Error' ? (given.code ?? 'Error') : given.name
  const status = given.$metadata?.httpStatusCode ?? 0
  if (THROTTLES.test(name) || status === 429) {
    return { retry: true, ...retryAfter(given), cause: errors.CLOUDWATCH_THROTTLED(name) }
  }
  // Credentials are mended outside (a role, a rotated key): the data is not at fault.
  if (CREDENTIALS.test(name) || status === 401 || status === 403) {
    return { retry: true, cause: errors.CLOUDWATCH_CREDENTIALS(name) }
  }
  if (TOO_LARGE.test(name) || status === 413) {
    return { retry: false, tooLarge: true, cause: errors.CLOUDWATCH_TOO_LARGE(name) }
  }
  if (status >= 400 && status < 500 && status !== 408) {
    return { retry: false, cause: errors.CLOUDWATCH_REFUSED(name, (given.message ?? '').slice(0, MAX_WORDS)) }
  }
  return { retry: true, ...retryAfter(given), cause: errors.CLOUDWATCH_UNAVAILABLE(name) }
}

function retryAfter({ $response }: ServiceError): { afterMs?: number } {
  const seconds = Number($response?.headers?.['retry-after'])
  return Number.isFinite(seconds) && seconds >= 0 ? { afterMs: seconds * 1000 } : {}
}
