// A custom exporter to start from. See docs/custom-exporters.md.

/** @type {import('algoflow-gateway/custom-exporter').CustomExporter<{ url: string }>} */
const exporter = {
  // 'objects': the decoded OTLP request. 'bytes': its protobuf encoding, as a Uint8Array.
  input: 'objects',

  // JSON Schema of the `config` block.
  schema: {
    type: 'object',
    properties: { url: { type: 'string' } },
    required: ['url'],
    additionalProperties: false
  },

  create({ id, config, log }) {
    return {
      async start() {
        log.info(`${id} sends to ${new URL(config.url).host}`)
      },

      // Return nothing when the back end has it. Throw, or return { kind: 'retry' }, to get the batch again later;
      // { kind: 'refused' } when the same input will always fail.
      async send(request, { signal, items, abort }) {
        const body = JSON.stringify({ signal, items, request }, (_, value) =>
          typeof value === 'bigint' ? value.toString() : value
        )
        const response = await fetch(config.url, { method: 'POST', body, signal: abort })
        if (!response.ok) throw new Error(`HTTP ${response.status}`)
      },

      async stop() {}
    }
  }
}

export default exporter
