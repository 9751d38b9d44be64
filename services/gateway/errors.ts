// What keeps a checked config from becoming a running gateway.

import { catalogue } from '../../core/component/errors.js'

export const gatewayErrors = catalogue({
  GATEWAY_NO_TYPE: (kind: string, type: string) => `this build has no ${kind} of type ${type}`,
  GATEWAY_TWO_WINDOWS: (pipeline: string, first: string, second: string) =>
    `pipeline ${pipeline} has two processors that judge whole traces, ${first} and ${second}: leave one out`,
  GATEWAY_WINDOW_QUEUE: (processor: string, queue: string) =>
    `${processor} judges whole traces and needs \`queue: {type: embedded}\`: with \`${queue}\` the spans of a trace may be with different gateways; sample there with probabilistic_sampler`
})
