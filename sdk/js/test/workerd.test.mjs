// In the runtime of Cloudflare Workers itself: the vectors, and the example as it stands.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { TestIssuer, until } from './issuer.mjs'
import { vectors } from './vectors.mjs'

const compatibilityDate = '2026-04-01'

async function bundled(file) {
  const entry = fileURLToPath(new URL(file, import.meta.url))
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, format: 'esm', target: 'es2022', write: false })
  return outputFiles[0].text
}

describe('vectors in workerd', () => {
  let runtime
  before(async () => {
    runtime = new Miniflare({ modules: true, script: await bundled('./workerd-vectors.mjs'), compatibilityDate })
    await runtime.ready
  })
  after(() => runtime?.dispose())

  for (const [judge, file] of [['tokens', 'tokens'], ['feed', 'feed'], ['followers', 'follower']]) {
    it(judge, async () => {
      const body = JSON.stringify({ judge, document: await vectors(file) })
      const answer = await runtime.dispatchFetch('http://worker/', { method: 'POST', body })
      assert.equal(answer.status, 200, answer.status === 200 ? '' : await answer.text())
      const results = await answer.json()
      assert.ok(results.length > 50)
      for (const { name, came, due } of results) assert.deepEqual(came, due, name)
    })
  }
})

describe('the example Worker', () => {
  let issuer, runtime, folder
  const start = async (bindings = {}) => {
    const worker = new Miniflare({
      modules: true, script: await bundled('../examples/worker.mjs'), compatibilityDate, kvNamespaces: ['FEED'], kvPersist: folder,
      bindings: { ISSUER: issuer.url, AUDIENCE: issuer.audience, DEVELOPMENT: 'true', POLL_EVERY: '0.2', ...bindings },
    })
    await worker.ready
    return worker
  }
  const ask = (token) => runtime.dispatchFetch('http://worker/', { headers: token ? { authorization: `Bearer ${token}` } : {} })
  const status = async (token) => {
    const answer = await ask(token)
    await answer.arrayBuffer()
    return answer.status
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-kv-'))
    issuer = await TestIssuer.start()
    issuer.head = function (claims) { return TestIssuer.prototype.head.call(this, { policy: { soft: 1, hard: 1 }, ...claims }) }
    runtime = await start()
  })
  after(async () => {
    await runtime?.dispose()
    await issuer?.down()
    await rm(folder, { recursive: true, force: true })
  })

  it('starts for many at once with one fetch of the keys', async () => {
    const token = await issuer.token()
    const answers = await Promise.all(Array.from({ length: 30 }, () => status(token)))
    assert.deepEqual([...new Set(answers)], [200])
    assert.deepEqual([issuer.asked['/jwks'], issuer.asked['/rev/head']], [1, 1])
  })

  it('tells others what they lack', async () => {
    const nobody = await ask()
    assert.deepEqual([nobody.status, nobody.headers.get('www-authenticate')], [401, `Bearer realm="${issuer.audience}"`])
    assert.equal(await status(await issuer.token({ scope: 'other' })), 403)
    assert.equal(await status(`${await issuer.token()}x`), 401)
  })

  it('refuses a revoked token at its next poll', async () => {
    const [revoked, other] = [await issuer.token({ sid: 'worker-1' }), await issuer.token()]
    assert.equal(await status(revoked), 200)
    await issuer.revoke('sid', 'worker-1')
    const began = performance.now()
    await until('the refusal', async () => (await status(revoked)) === 401, 1000)
    console.log(`# workerd, polling every 200 ms: refused after ${(performance.now() - began).toFixed(0)} ms`)
    assert.equal(await status(other), 200)
  })

  it('is not stopped by a visitor who leaves while keys and feed are fetched', async () => {
    await runtime.dispose()
    let waiting
    issuer.trouble = (_, response, url) => url.pathname === '/jwks' && waiting === undefined && ((waiting = response), true)
    runtime = await start()
    const token = await issuer.token()
    const url = await runtime.ready
    const leaving = new AbortController()
    const left = fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: leaving.signal }).catch((error) => error.name)
    await until('the fetch', () => waiting !== undefined)
    leaving.abort()
    assert.equal(await left, 'AbortError')
    const next = status(token)
    waiting.destroy()
    await until('the next visitor', async () => (await status(token)) === 200, 10_000)
    assert.ok([200, 503].includes(await next))
    issuer.trouble = () => false
  })

  it('closes when the feed is lost, and opens when it is back', async () => {
    const token = await issuer.token()
    assert.equal(await status(token), 200)
    await issuer.down()
    await until('503', async () => (await status(token)) === 503)
    await issuer.listen(issuer.port)
    await until('200', async () => (await status(token)) === 200)
  })

  it('keeps its state in KV', async () => {
    const namespace = await runtime.getKVNamespace('FEED')
    const { keys } = await namespace.list()
    assert.deepEqual(keys.map(({ name }) => name), [`countersign-feed ${issuer.url}`])
  })
})
