// kill -9 in the middle of a storm of rotations, sign-ins and redemptions; and a disk that fills up.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { Issuer, person, until } from './harness.mjs'

const callback = 'http://127.0.0.1:9/callback'
const rounds = Number(process.env.STORM_ROUNDS ?? 50)
const sessions = 12

/** Seeded, so that a failing run can be repeated: STORM_SEED=n. */
const seed = Number(process.env.STORM_SEED ?? (randomBytes(4).readUInt32LE() || 1))
let state = seed
const random = () => {
  state ^= state << 13; state ^= state >>> 17; state ^= state << 5
  return (state >>> 0) / 2 ** 32
}

async function setUp(issuer) {
  await issuer.apply('client', {
    client_id: 'app', token_endpoint_auth_method: 'none', first_party: true, direct: true, redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
    scope: 'openid offline_access', refresh_without_offline_access: true,
  })
}

const form = (fields) => ({ method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
const json = (body) => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const spend = (issuer, refresh_token) =>
  fetch(`${issuer.url}/oauth/token`, form({ grant_type: 'refresh_token', client_id: 'app', refresh_token }))
const login = (issuer) =>
  fetch(`${issuer.url}/auth/login`, json({ username: person.email, password: person.password, client_id: 'app' }))
const integrity = (issuer) => execFileSync('python3', ['-c',
  'import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])',
  join(issuer.dir, 'countersign.db')]).toString().trim()

/** Signs in through the pages without script; answers the cookie header of the session. */
async function signInForCookie(issuer) {
  const jar = new Map()
  const go = async (url, init = {}) => {
    const response = await fetch(new URL(url, issuer.url), {
      ...init, redirect: 'manual',
      headers: { ...init.headers, cookie: [...jar].map(([k, v]) => `${k}=${v}`).join('; ') },
    })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split(/=(.*)/s)
      jar.set(name, value)
    }
    return response
  }
  const page = await (await go('/login')).text()
  const inputs = [...page.matchAll(/<input\b[^>]*>/g)].map(([tag]) => Object.fromEntries(
    [...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, k, v]) => [k, v])))
  const fields = Object.fromEntries(inputs.filter((i) => i.name).map((i) => [i.name, i.value ?? '']))
  fields[inputs.find((i) => i.autocomplete?.includes('username')).name] = person.email
  fields[inputs.find((i) => i.type === 'password').name] = person.password
  const action = page.match(/<form\b[^>]*action="([^"]*)"/)[1].replaceAll('&amp;', '&')
  const done = await go(action, { ...form(fields), headers: { origin: issuer.url } })
  assert.equal(done.status, 303, await done.text())
  return () => [...jar].map(([k, v]) => `${k}=${v}`).join('; ')
}

async function newCode(issuer, cookie) {
  const verifier = randomBytes(32).toString('base64url')
  const url = new URL('/oauth/authorize', issuer.url)
  url.search = new URLSearchParams({
    client_id: 'app', response_type: 'code', redirect_uri: callback, scope: 'openid', state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  })
  const answer = await fetch(url, { redirect: 'manual', headers: { cookie: cookie() } })
  const code = new URL(answer.headers.get('location'), issuer.url).searchParams.get('code')
  assert.ok(code, `no code: ${answer.headers.get('location')}`)
  return { code, verifier }
}

const redeem = (issuer, { code, verifier }) => fetch(`${issuer.url}/oauth/token`, form({
  grant_type: 'authorization_code', client_id: 'app', redirect_uri: callback, code, code_verifier: verifier,
}))

describe(`kill -9, ${rounds} times (seed ${seed})`, () => {
  let issuer, cookie
  before(async () => {
    issuer = await Issuer.start()
    await setUp(issuer)
    cookie = await signInForCookie(issuer)
  })
  after(() => issuer?.stop())

  it('loses no session, forks none, and no consumed code works', { timeout: 600_000 }, async () => {
    // What each session holds: the last token it was answered.
    const held = []
    for (let i = 0; i < sessions; i += 1) held.push((await (await login(issuer)).json()).refresh_token)
    for (let round = 0; round < rounds; round += 1) {
      const spent = []
      let on = true
      const rotate = async (i) => {
        while (on) {
          const response = await spend(issuer, held[i])
          if (response.status === 200) held[i] = (await response.json()).refresh_token
          else assert.fail(`round ${round}: session ${i}: ${response.status} ${await response.text()}`)
        }
      }
      const redeemCodes = async () => {
        while (on) {
          const one = await newCode(issuer, cookie)
          if ((await redeem(issuer, one)).status === 200) spent.push(one)
        }
      }
      const signIn = async () => { while (on) await (await login(issuer)).arrayBuffer() }
      // A cut connection is what a kill looks like; anything else is a failure.
      const cut = (error) => { if (error.code === 'ERR_ASSERTION' || on) throw error }
      const storm = [...held.keys()].map((i) => rotate(i).catch(cut))
      storm.push(redeemCodes().catch(cut), signIn().catch(cut))
      await Promise.race([pause(20 + random() * 180), Promise.all(storm)])
      on = false
      await issuer.down('SIGKILL')
      await Promise.all(storm)
      await issuer.up()

      for (const one of spent) assert.equal((await redeem(issuer, one)).status, 400, `round ${round}: a consumed code worked`)
      for (const [i, token] of held.entries()) {
        // Twice at once: a lost answer and two tabs. One successor, the same for both.
        const [a, b] = await Promise.all([spend(issuer, token), spend(issuer, token)])
        assert.deepEqual([a.status, b.status], [200, 200], `round ${round}: session ${i} was lost`)
        const [x, y] = [(await a.json()).refresh_token, (await b.json()).refresh_token]
        assert.equal(x, y, `round ${round}: session ${i} was forked`)
        held[i] = x
      }
    }
    await issuer.down('SIGKILL')
    assert.equal(integrity(issuer), 'ok')
    await issuer.up()
  })
})

describe('a full disk', () => {
  let issuer
  before(async () => {
    issuer = await Issuer.start()
    await setUp(issuer)
  })
  after(() => issuer?.stop())

  it('answers 503 with Retry-After, corrupts nothing, and recovers', async () => {
    let token = (await (await login(issuer)).json()).refresh_token
    // The kernel refuses this process every write past 4 KiB into any file: what a full disk does, without one.
    const limit = (soft) => execFileSync('prlimit', ['--pid', String(issuer.child.pid), `--fsize=${soft}:`])
    limit(4096)
    const refused = await until('a refused write', async () => {
      const response = await spend(issuer, token)
      if (response.status === 200) token = (await response.json()).refresh_token
      return response.status === 200 ? undefined : response
    })
    assert.equal(refused.status, 503)
    assert.ok(Number(refused.headers.get('retry-after')) >= 1)
    assert.equal((await refused.json()).error, 'temporarily_unavailable')
    assert.equal((await login(issuer)).status, 503)
    assert.equal((await fetch(`${issuer.url}/.well-known/jwks.json`)).status, 200)

    limit('unlimited')
    const after = await until('the server to recover', async () => {
      const response = await spend(issuer, token)
      return response.status === 200 ? response : undefined
    })
    assert.ok((await after.json()).refresh_token)
    assert.equal((await login(issuer)).status, 200)
    await issuer.down()
    assert.equal(integrity(issuer), 'ok')
    await issuer.up()
  })
})
