// `algoflow-gateway worker`: the gateway's parts without receivers. It shares the Redis queue with gateways that receive, owns
// partitions of it as they do, judges traces and delivers.

import { type RunOptions, run as runGateway } from '../gateway/main.js'

/** Runs until SIGTERM or SIGINT; the exit code. @see services/gateway/main.ts */
export function run(options: RunOptions): Promise<number> {
  return runGateway({ ...options, role: 'deliver' })
}
