// Against the real issuer: its tokens, its keys, its feed.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { after, afterEach, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { Verifier } from '../dist/index.js'
import { binary, Countersign } from './countersign.mjs'
import { until } from './issuer.mjs'
import { failure } from './vectors.mjs'

const api = 'urn:api:js'
const shared = 'urn:api:shared'
const secret = 'a secret of thirty-two bytes ...'

describe('Countersign', { skip: !binary && 'E2E_BINARY is not set' }, () => {
  let issuer, credentials
  const open = []
  before(async () => {
    issuer = await Countersign.start()
    await issuer.apply('resource', [
      { resource: api, scopes: ['read'], signing_alg: 'ES256' }, { resource: shared, scopes: ['read'], signing_alg: 'HS256', secret },
    ])
    credentials = await issuer.client('machine', [api, shared])
    await issuer.client('other', [api])
  })
  afterEach(() => open.splice(0).forEach((verifier) => verifier.close()))
  after(() => issuer?.stop())

  function verifier(revocation = {}, options = {}) {
    const one = new Verifier({
      issuer: issuer.url, audience: api, type: 'at+jwt', algorithms: ['ES256'], allowHttpOnLoopback: true, revocation, ...options,
    })
    open.push(one)
    return one
  }
  const code = async (work) => (await failure(work))?.code ?? 'good'

  it('issues tokens that are let in here and nowhere else', async () => {
    const token = await issuer.token('machine', api)
    const who = await verifier().verify(token, { scopes: ['read'] })
    assert.deepEqual([who.subject, who.isMachine, who.hasScope('read')], ['machine', true, true])
    assert.equal(await code(verifier({}, { audience: 'urn:api:elsewhere' }).verify(token)), 'wrong_audience')
    assert.equal(await code(verifier({}, { algorithms: ['RS256'] }).verify(token)), 'wrong_algorithm')
  })

  it('issues tokens under a shared secret', async () => {
    const hs = (value) => verifier({}, { audience: shared, algorithms: ['HS256'], secret: { algorithm: 'HS256', value } })
    const token = await issuer.token('machine', shared)
    assert.equal((await hs(Buffer.from(secret)).verify(token)).subject, 'machine')
    assert.equal(await code(hs(Buffer.from(`${secret} `)).verify(token)), 'unknown_key', 'another secret has another id')
    assert.equal(await code(verifier().verify(token)), 'wrong_algorithm')
  })

  for (const [what, revoke] of [
    ['one token, by the command line', (token) => issuer.cli(['revoke', '--token', '-'], token)],
    ['one token, by its client (RFC 7009)', (token) => issuer.revoke('machine', token)],
  ]) {
    it(`refuses within a second after revocation of ${what}`, async () => {
      const streaming = verifier({ mode: 'stream', required: true })
      const [token, sibling] = [await issuer.token('machine', api), await issuer.token('machine', api)]
      await streaming.verify(token)
      await revoke(token)
      const began = performance.now()
      await until('the refusal', async () => (await code(streaming.verify(token))) === 'revoked', 1000)
      console.log(`# ${what}: refused ${(performance.now() - began).toFixed(0)} ms after it was acknowledged`)
      await streaming.verify(sibling)
    })
  }

  it('refuses everything of a client, and catches up when it begins late', async () => {
    const early = verifier({ mode: 'stream', required: true })
    const token = await issuer.token('other', api)
    await early.verify(token)
    await issuer.cli(['revoke', '--client', 'other'])
    await until('the refusal', async () => (await code(early.verify(token))) === 'revoked', 1000)
    const late = verifier({ required: true })
    assert.equal(await code(late.verify(token)), 'revoked')
    await late.verify(await issuer.token('machine', api))
    assert.ok(late.feedStatus().seq > 0)
  })

  it('has the issuer asked while a relay of the feed is lost', async () => {
    const revocation = { onStale: 'introspect', introspection: credentials, relay: 'http://127.0.0.1:9', required: true }
    const asking = verifier(revocation)
    const token = await issuer.token('machine', api)
    await asking.verify(token)
    assert.equal(asking.feedStatus().ageMs, Number.POSITIVE_INFINITY)
    await issuer.revoke('machine', token)
    assert.equal(await code(asking.verify(token)), 'revoked')
    assert.equal(await code(asking.verify(await issuer.token('machine', api), { critical: true })), 'stale')
  })

  it('protects the example Worker in workerd', async () => {
    const entry = fileURLToPath(new URL('../examples/worker.mjs', import.meta.url))
    const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', target: 'es2022', write: false })
    const worker = new Miniflare({
      modules: true, script: outputFiles[0].text, compatibilityDate: '2026-04-01', kvNamespaces: ['FEED'],
      bindings: { ISSUER: issuer.url, AUDIENCE: api, DEVELOPMENT: 'true', POLL_EVERY: '0.2' },
    })
    try {
      const status = async (token) => {
        const answer = await worker.dispatchFetch('http://worker/', { headers: { authorization: `Bearer ${token}` } })
        await answer.arrayBuffer()
        return answer.status
      }
      const token = await issuer.token('machine', api)
      assert.equal(await status(token), 200)
      await issuer.cli(['revoke', '--token', '-'], token)
      await until('the refusal', async () => (await status(token)) === 401, 1000)
      assert.equal(await status(await issuer.token('machine', api)), 200)
    } finally {
      await worker.dispose()
    }
  })

  it('protects the example for Node, which outlives the issuer only as long as it may', async () => {
    const state = await mkdtemp(join(tmpdir(), 'countersign-state-'))
    const entry = fileURLToPath(new URL('../examples/node.mjs', import.meta.url))
    const env = { ...process.env, ISSUER: issuer.url, AUDIENCE: api, DEVELOPMENT: 'true', PORT: '0', STATE: state }
    const server = spawn(process.execPath, [entry], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const url = await new Promise((done) => server.stdout.once('data', (line) => done(String(line).trim())))
      const ask = (token) => fetch(url, { headers: { authorization: `Bearer ${token}` } })
      const token = await issuer.token('machine', api)
      const answer = await ask(token)
      assert.deepEqual([answer.status, await answer.json()], [200, { hello: 'machine' }])
      assert.equal((await fetch(url)).headers.get('www-authenticate'), `Bearer realm="${api}"`)
      await issuer.cli(['revoke', '--token', '-'], token)
      await until('the refusal', async () => (await ask(token)).status === 401, 1000)
    } finally {
      const ended = new Promise((done) => server.once('exit', done))
      server.kill()
      await ended
      await rm(state, { recursive: true, force: true })
    }
  })

  it('that is lost closes routes, and opens them when it is back', async () => {
    const streaming = verifier({ mode: 'stream', required: true, maxStaleness: 1 })
    const token = await issuer.token('machine', api)
    await streaming.verify(token)
    await issuer.down()
    await until('503', async () => (await code(streaming.verify(token))) === 'stale')
    const error = await failure(streaming.verify(token))
    assert.deepEqual([error.status, error.challenge, error.headers['retry-after']], [503, undefined, '2'])
    await issuer.up()
    await until('good again', async () => (await code(streaming.verify(token))) === 'good')
  })
})
