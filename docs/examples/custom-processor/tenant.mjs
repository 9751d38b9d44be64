// A custom processor: shortens host names, drops health checks, and adds the tenant that a key's prefix names.
// See docs/custom-processors.md.

/** @type {import('algoflow-gateway/custom-processor').CustomProcessor<{ key: string, default_tenant: string }>} */
const tenant = {
  schema: {
    type: 'object',
    properties: {
      key: { type: 'string', default: 'api.key' },
      default_tenant: { type: 'string', default: 'unknown' }
    },
    additionalProperties: false
  },

  create({ config, anyValue }) {
    const encoded = new Map()
    const encode = name => {
      if (encoded.size > 10_000) encoded.clear()
      if (!encoded.has(name)) encoded.set(name, anyValue(name))
      return encoded.get(name)
    }
    return {
      item(item) {
        if (item.name() === 'GET /healthz') item.drop('health_check')
      },

      attribute(attribute) {
        if (attribute.place === 'resource.attributes' && attribute.key.text === 'host.name') {
          attribute.replace(attribute.text().split('.')[0])
        }
      },

      itemEnd(item) {
        const key = item.attribute(config.key)
        const name = typeof key === 'string' && key.includes('_') ? key.split('_')[0] : config.default_tenant
        item.insert('tenant', encode(name))
      }
    }
  }
}

export default tenant
