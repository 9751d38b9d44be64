// A raw HTTP client for OTLP: sends bytes with given headers, shows status, headers and body.

import { type Agent, type ClientRequest, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http'
import { connect, type Socket } from 'node:net'

export interface HttpAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly sawContinue: boolean
}

export const PROTOBUF = { 'content-type': 'application/x-protobuf' }
export const JSON_TYPE = { 'content-type': 'application/json' }

/** POSTs `body`; `write` may send it piecewise instead (it must end the request). */
export function post(
  url: string,
  body: Buffer | string,
  headers: Record<string, string> = PROTOBUF,
  options: RequestOptions & { write?: (request: ClientRequest) => void } = {}
): Promise<HttpAnswer> {
  const { write, ...rest } = options
  return new Promise((resolve, reject) => {
    let sawContinue = false
    const length = write === undefined ? { 'content-length': String(Buffer.byteLength(body)) } : {}
    const sent = request(url, { method: 'POST', headers: { ...length, ...headers }, agent: false, ...rest })
    sent.on('continue', () => {
      sawContinue = true
    })
    sent.on('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
          sawContinue
        })
        sent.destroy()
      })
    })
    sent.on('error', reject)
    if (write === undefined) sent.end(body)
    else write(sent)
  })
}

/** POSTs protobuf over the agent's kept connections; the status. Rejects when the answer does not come in time. */
export function postKept(url: string, body: Buffer, agent: Agent, timeout: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { ...PROTOBUF, 'content-length': String(body.length) }
    const sent = request(url, { method: 'POST', agent, headers, timeout }, response => {
      response.on('error', reject)
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.resume()
    })
    sent.on('timeout', () => sent.destroy(new Error('no answer')))
    sent.on('error', reject)
    sent.end(body)
  })
}

/** A plain socket to `http://host:port`. */
export function rawSocket(url: string): Socket {
  const { hostname, port } = new URL(url)
  return connect(Number(port), hostname)
}

/** Everything the peer sends until it closes. */
export function untilClosed(socket: Socket): Promise<string> {
  return new Promise(resolve => {
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', () => resolve(text))
    socket.on('close', () => resolve(text))
  })
}
