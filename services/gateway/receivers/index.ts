// The built-in receivers: what config files can name under `receivers`.

import { otlpReceiver } from './otlp/index.js'

export const RECEIVERS = [otlpReceiver] as const
