// A Node server. The same three lines fit Express, Fastify and whatever hands out Node's request and response.
import http from 'node:http'
import { Refusal, Verifier } from '@countersign/verifier'
import { fileStore } from './file-store.mjs'

const verifier = new Verifier({
  issuer: process.env.ISSUER,
  audience: process.env.AUDIENCE,
  type: 'at+jwt',
  algorithms: ['ES256', 'Ed25519'],
  allowHttpOnLoopback: process.env.DEVELOPMENT === 'true',
  revocation: { mode: 'stream', ...(process.env.STATE && { store: fileStore(process.env.STATE) }) },
})

const server = http.createServer(async (request, response) => {
  try {
    const who = await verifier.verifyRequest(request, { scopes: ['read'] })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ hello: who.subject }))
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    response.writeHead(error.status, error.headers).end(error.body)
  }
})

server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`))
process.on('SIGTERM', () => {
  verifier.close()
  server.close()
})
