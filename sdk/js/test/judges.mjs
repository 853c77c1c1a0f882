// What this implementation makes of the vectors, beside what is due. Runs in Node and in workerd.
import { row } from '../build/algorithm.js'
import { decode, encode } from '../build/base64url.js'
import { genesis, over } from '../build/feed/chain.js'
import { EventReader } from '../build/feed/events.js'
import { Follower } from '../build/feed/follower.js'
import { Pins } from '../build/feed/head.js'
import { readJournal, replay } from '../build/feed/journal.js'
import { readPage } from '../build/feed/page.js'
import { nameOf, Names } from '../build/feed/rule.js'
import { readSnapshot } from '../build/feed/snapshot.js'
import { accessToken } from '../build/judge.js'
import { KeySet, readKeySet, secretKey } from '../build/key.js'
import { checked } from '../build/policy.js'
import { verifyToken } from '../build/token.js'

const hex = ({ high, low }) => high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0')
const shown = ({ kind, name, cutoff, until }) => [kind, hex(name), cutoff, until]
const MOST = 16 * 1024 * 1024

/** The value, or the code of what was thrown; anything else is a fault of the code. */
async function outcome(expected, work) {
  try {
    return await work()
  } catch (error) {
    if (error?.name !== expected) throw error
    return error
  }
}

/** Access tokens: code and claim of the refusal. */
export async function tokens(document) {
  const { keys } = await readKeySet(JSON.stringify({ keys: document.keys }))
  const secret = await secretKey(row('HS256'), document.secret.kid, decode(document.secret.k))
  const all = new KeySet([...keys.keys, secret])
  const { issuer, audience, type, algorithms } = document
  const judge = async ({ name, token, code, claim, leeway = 0, now = document.now }) => {
    const policy = checked({ issuer, audience, type, algorithms, leeway })
    const error = await outcome('VerifyError', async () => {
      accessToken((await verifyToken(token, all, policy, now)).claims)
    })
    return { name: `${code ?? 'good'}: ${name}`, came: [error?.code ?? null, error?.claim ?? null], due: [code, claim], token, message: error?.message }
  }
  return Promise.all([...document.cases, ...document.times].map(judge))
}

/** Names, chains, pages, snapshots, heads and events. */
export async function feed(document) {
  const results = []
  const add = (name, came, due) => results.push({ name, came, due })
  for (const { salt, kind, issuer, id, h } of document.names) {
    add(`name: ${kind} ${issuer} ${id}`, hex(await nameOf(decode(salt), kind, issuer, id)), h)
  }
  for (const { feed, epoch, rules, links } of document.chains) {
    const first = await genesis(decode(feed), epoch)
    const came = await Promise.all(links.map((_, count) => over(first, decode(rules).subarray(0, 17 * count))))
    add(`chain: epoch ${epoch}`, came.map(encode), links)
  }
  for (const { name, bytes, ...due } of document.pages) {
    const came = await outcome('FormatError', () => readPage(decode(bytes)))
    const { epoch, after, chain, rules, head = null } = came
    add(`page: ${name}`, came.code ? { code: came.code } : { epoch, after, chain: encode(chain), rules: rules.map(shown), head }, due)
  }
  for (const { name, bytes, ...due } of document.snapshots) {
    const came = await outcome('FormatError', () => readSnapshot(decode(bytes), MOST))
    const { feed, epoch, seq, chain, rules } = came
    add(`snapshot: ${name}`, came.code ? { code: came.code } : { feed: encode(feed), epoch, seq, chain: encode(chain), rules: rules.map(shown) }, due)
  }
  for (const { issuer, pins, cases } of document.heads) {
    const keys = await Pins.of(issuer, pins)
    for (const { name, head, now, kept, code, says } of cases) {
      const came = await outcome('VerifyError', () => keys.read(head, now, kept))
      add(`head: ${name}`, came.code ? { code: came.code, says: null } : { code: null, says: said(came) }, { code, says })
    }
  }
  for (const { name, pieces, events } of document.events) {
    const reader = new EventReader()
    add(`events: ${name}`, pieces.flatMap((piece) => reader.push(piece)).map(({ type, data }) => [type, data]), events)
  }
  return results
}

const said = ({ epoch, seq, asOf, heartbeatMs, policy, snap, nextKey, chain, salt }) => ({
  epoch, seq, as_of: asOf, hb_ms: heartbeatMs, soft: policy.soft, hard: policy.hard, snap: snap?.seq ?? null,
  next_key: nextKey ?? null, chain: encode(chain), salt: encode(salt),
})

/** Scripts of what a follower is given: what it believes after every step. */
export async function followers({ probes, scripts }) {
  const results = []
  for (const { name, issuer, pins, steps } of scripts) {
    const follower = new Follower(await Pins.of(issuer, pins), 1 << 20)
    for (const [place, { wall, elapsed, input, ...due }] of steps.entries()) {
      const refused = await outcome('Refused', () => give(follower, issuer, input, { wall, elapsed }))
      const covered = []
      for (const { iat, client_id: clientId, ...token } of probes) {
        covered.push((await follower.view.covers(iat, (salt) => new Names(salt, { clientId, ...token }))) ?? null)
      }
      const age = follower.view.age(elapsed)
      const came = {
        refused: refused?.code === undefined ? '' : [refused.code, refused.inner].filter(Boolean).join(' '),
        need: need(follower.need()), age: Number.isFinite(age) ? age : null, rules: follower.view.size, forked: follower.forked, covered,
      }
      results.push({ name: `${name}, step ${place}: ${Object.keys(input)}`, came, due })
    }
  }
  return results
}

async function give(follower, issuer, input, at) {
  if (input.head) return follower.head(input.head, at)
  if (input.page) return follower.page(readPage(decode(input.page)), at)
  if (input.snapshot !== undefined) return follower.snapshot(decode(input.snapshot))
  if (input.hint) return follower.hint(readPage(decode(input.hint)))
  if (input.gone) return follower.gone()
  if (input.expire) return follower.expire(at.wall)
  if (input.pin) return follower.pin(await Pins.of(issuer, input.pin.filter((key) => follower.mayPin(key.kid))))
  const good = await replay(follower, readJournal(decode(input.journal)), at)
  if (good.length !== input.good) throw new Error(`${good.length} entries of the journal are good, ${input.good} are due`)
}

const need = ({ kind, epoch, after, snap }) => ({ log: `log ${epoch}.${after}`, snapshot: `snapshot ${snap?.seq}` })[kind] ?? kind
