// The live picture of `countersign demo`: every verifier turns red within a second of a revocation, and one whose
// feed is cut says so. In Chromium, by what a person sees.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { binary, launchBrowser, until } from './harness.mjs'

const verifiers = 48

describe('the live picture of the demo', () => {
  let child, dir, url, browser
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'countersign-demo-e2e-'))
    child = spawn(binary, ['demo', '--listen', '127.0.0.1:0'], { env: { TMPDIR: dir }, stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    child.stdout.on('data', (chunk) => { said += chunk })
    url = await until('the demo to say where it is', async () => said.match(/open (http:\S+)/)?.[1], 30_000)
    browser = await launchBrowser()
  })
  after(async () => {
    await browser?.close()
    const ended = new Promise((done) => child.once('exit', done))
    child.kill()
    await ended
    assert.deepEqual(await readdir(dir), [], 'the demo left something behind')
    await rm(dir, { recursive: true })
  })

  const count = (page, state) => page.locator(`[data-tiles] .t-${state}`).count()
  const all = (page, state, due = verifiers) =>
    until(`${due} tiles to be ${state}`, async () => await count(page, state) === due, 30_000).catch(async (error) => {
      throw new Error(`shown: ${(await page.locator('[data-summary], [data-tiles] .tile').allTextContents()).join(' | ')}`, { cause: error })
    })

  /** Opens the demo; `close` fails on anything the browser complained of. */
  async function open(options = {}) {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const complaints = []
    page.on('console', (message) => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()) })
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(url)
    return { page, close: async () => { await context.close(); assert.deepEqual(complaints, []) } }
  }

  for (const button of ['Revoke this token', 'End the session', 'Sign the user out']) {
    it(`"${button}" turns every verifier red within a second`, async () => {
      const { page, close } = await open()
      await page.getByRole('button', { name: 'New token' }).click()
      await all(page, 'valid')
      await page.getByRole('button', { name: button }).click()
      await all(page, 'refused')
      const told = await page.locator('[data-tiles] .t-refused strong').allTextContents()
      const millis = told.map((text) => Number(text.match(/^(\d+) ms$/)?.[1] ?? NaN))
      assert.equal(millis.length, verifiers)
      assert.ok(millis.every((ms) => ms < 1000), `shown: ${told.join(', ')}`)
      const summary = await page.locator('[data-summary]').textContent()
      assert.ok(summary.includes(`Refused at ${verifiers} of ${verifiers}`), summary)
      const receipt = await until('the receipt', async () => {
        const text = await page.locator('[data-receipt]').textContent()
        return /^In force at/.test(text) && text
      })
      const [, force, connected] = receipt.match(/^In force at (\d+) of (\d+) connected verifiers/) ?? []
      assert.ok(Number(force) >= verifiers && force === connected, receipt)
      await close()
    })
  }

  it('a cut feed shows as age, then the rule of the route decides; healed, all is as before', async () => {
    const { page, close } = await open()
    await page.getByRole('button', { name: 'New token' }).click()
    await all(page, 'valid')
    const cut = page.getByRole('button', { name: /^Cut the feed of/ })
    const cuttable = Number((await cut.textContent()).match(/\d+/)[0])
    await cut.click()
    await all(page, 'stale', cuttable)
    assert.equal(await count(page, 'valid'), verifiers - cuttable)
    await page.getByRole('button', { name: 'Revoke this token' }).click()
    // Those that ask the issuer know it all the same.
    await all(page, 'refused', verifiers - cuttable * 2 / 3)
    const stale = await page.locator('[data-tiles] .t-stale strong').allTextContents()
    assert.deepEqual([...new Set(stale)].sort(), ['200', '503'])
    await page.getByRole('button', { name: 'Heal' }).click()
    await all(page, 'refused')
    await close()
  })

  it('works without script, by ordinary forms', async () => {
    const { page, close } = await open({ javaScriptEnabled: false })
    await page.getByRole('button', { name: 'New token' }).click()
    assert.equal(new URL(page.url()).pathname, '/live')
    await until('a good token', async () => {
      await page.reload()
      return await count(page, 'valid') === verifiers
    })
    await page.getByRole('button', { name: 'Revoke this token' }).click()
    await until('a refused token', async () => {
      await page.reload()
      return await count(page, 'refused') === verifiers
    })
    await close()
  })
})
