// How many bytes a datum takes in a PutMetricData request. Counted in the AWS query form, the longest of the encodings
// that the SDK has used for this call; CBOR and JSON are shorter.

import type { MetricDatum } from '@aws-sdk/client-cloudwatch'

/** `&MetricData.member.1000.` and the longest field name behind it, `=`. */
const FIELD_HEAD = 60
const NUMBER = 25
const TIMESTAMP = 30

/** An upper bound, in bytes. */
export function datumSize(datum: MetricDatum): number {
  let size = FIELD_HEAD + encoded(datum.MetricName) + FIELD_HEAD + TIMESTAMP + FIELD_HEAD + encoded(datum.Unit)
  for (const { Name, Value } of datum.Dimensions ?? []) size += 2 * FIELD_HEAD + encoded(Name) + encoded(Value)
  const numbers = (datum.Values?.length ?? 0) + (datum.Counts?.length ?? 0) + (datum.Value === undefined ? 0 : 1)
  const statistics = datum.StatisticValues === undefined ? 0 : 4
  return size + (numbers + statistics + 1) * (FIELD_HEAD + NUMBER)
}

function encoded(text: string | undefined): number {
  return text === undefined ? 0 : encodeURIComponent(text).length
}
