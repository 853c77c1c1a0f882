// Passkeys in a real Chromium with a virtual authenticator, against the real binary and its real pages.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { Issuer, launchBrowser, person, serveClient, signIn } from './harness.mjs'

describe('passkeys in Chromium', () => {
  let issuer, browser, app, page, cdp, authenticatorId

  before(async () => {
    app = await serveClient((_, response) => response.end('<title>client</title>'))
    issuer = await Issuer.start()
    browser = await launchBrowser()
    await issuer.apply('client', {
      client_id: 'spa', client_name: 'The Web Shop', redirect_uris: [`${app.url}/callback`],
      token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], response_types: ['code'],
      scope: 'openid', first_party: true,
    })
    page = await (await browser.newContext()).newPage()
    page.on('pageerror', (error) => assert.fail(error))
    await page.addInitScript(() => {
      if (sessionStorage.getItem('autofills') === 'no') PublicKeyCredential.isConditionalMediationAvailable = async () => false
    })
    cdp = await page.context().newCDPSession(page)
    await cdp.send('WebAuthn.enable')
    const added = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true,
        hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
      },
    })
    authenticatorId = added.authenticatorId
  })

  after(async () => {
    await browser?.close()
    await issuer?.stop()
    await app?.close()
  })

  const credentials = async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials

  /** Is the sign-in page's offer in the list of user names taken at once, as by a person who picks it? */
  const autofills = (enabled) =>
    page.evaluate((value) => sessionStorage.setItem('autofills', value), enabled ? 'yes' : 'no')

  const signOut = async () => {
    await page.goto(`${issuer.url}/account`)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL(`${issuer.url}/signed-out`)
  }

  /** A sign-in at the client that asks for this level; answers the ID token's claims. */
  const atClient = async (acr, meanwhile, client = 'spa') => {
    const verifier = randomBytes(32).toString('base64url')
    const redirect = `${app.url}/callback`
    const query = new URLSearchParams({
      client_id: client, redirect_uri: redirect, response_type: 'code', scope: 'openid', state: 's', nonce: 'n',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
      acr_values: acr,
    })
    await page.goto(`${issuer.url}/oauth/authorize?${query}`)
    await meanwhile()
    await page.waitForURL(`${redirect}?**`)
    const code = new URL(page.url()).searchParams.get('code')
    const answer = await fetch(`${issuer.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'authorization_code', client_id: client, code, redirect_uri: redirect, code_verifier: verifier }),
    })
    const { id_token: token } = await answer.json()
    return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))
  }

  it('registers on the account page', async () => {
    await page.goto(`${issuer.url}/login`)
    await signIn(page)
    await page.waitForURL(`${issuer.url}/account`)
    await page.goto(`${issuer.url}/account/passkeys`)
    await page.getByLabel('Name').fill('Test machine')
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await page.getByText('The passkey is ready.').waitFor()
    await page.getByText('Test machine').first().waitFor()
    const [credential, ...more] = await credentials()
    assert.equal(more.length, 0)
    assert.deepEqual([credential.rpId, credential.isResidentCredential], ['localhost', true])
    assert.equal(Buffer.from(credential.userHandle, 'base64').length, 16)
    const shown = await issuer.cli(['user', 'show', person.email, '--json'])
    assert.equal(JSON.parse(shown).id, `u_${Buffer.from(credential.userHandle, 'base64').toString('base64url')}`)
  })

  it('steps up a session that began with a password', async () => {
    const claims = await atClient('urn:countersign:phr', async () => {
      await page.getByRole('button', { name: 'Use a passkey or security key' }).click()
    })
    assert.equal(claims.acr, 'urn:countersign:phr')
    assert.ok(claims.amr.includes('user') && claims.amr.includes('mfa'), `${claims.amr}`)
  })

  it('signs in by autofill', async () => {
    await signOut()
    await page.goto(`${issuer.url}/login`)
    // Nothing is typed or pressed: the virtual person picks the passkey that autofill offers.
    await page.waitForURL(`${issuer.url}/account`)
    await page.getByText(person.name).first().waitFor()
  })

  it('is not registered twice', async () => {
    await page.goto(`${issuer.url}/account/passkeys`)
    await page.getByRole('button', { name: 'Set up a passkey' }).click()
    await page.getByText('is registered already').waitFor()
    assert.equal((await credentials()).length, 1)
  })

  it('is the second step after a password', async () => {
    await signOut()
    await autofills(false)
    await page.goto(`${issuer.url}/login`)
    await signIn(page)
    await page.getByRole('button', { name: 'Use a passkey or security key' }).click()
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('signs in by its button', async () => {
    await signOut()
    await page.goto(`${issuer.url}/login`)
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('signs nobody in who is not verified', async () => {
    await signOut()
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false })
    await page.goto(`${issuer.url}/login`)
    const button = page.getByRole('button', { name: 'Sign in with a passkey' })
    await button.click()
    await page.getByText('That did not work, or was cancelled.').waitFor()
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true })
    await button.click()
    await page.waitForURL(`${issuer.url}/account`)
  })

  it('is renamed and removed, and then signs nobody in', async () => {
    await page.goto(`${issuer.url}/account/passkeys`)
    await page.getByText('Rename').click()
    await page.getByRole('textbox', { name: 'Name' }).first().fill('Old <machine>')
    await page.getByRole('button', { name: 'Save the name' }).click()
    await page.getByText('Old <machine>').first().waitFor()
    await page.getByRole('button', { name: 'Remove Old <machine>' }).click()
    await page.getByText('The passkey is removed.').waitFor()
    await signOut()
    await page.goto(`${issuer.url}/login`)
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    await page.getByText('That passkey did not work here.').waitFor()
  })

  it('is set up on the way into an application that demands it', async () => {
    await issuer.apply('client', {
      client_id: 'strict', client_name: 'The Vault', redirect_uris: [`${app.url}/callback`],
      token_endpoint_auth_method: 'none', grant_types: ['authorization_code'], response_types: ['code'],
      scope: 'openid', first_party: true, acr: 'urn:countersign:phr', mfa: 'always',
    })
    const claims = await atClient('urn:countersign:phr', async () => {
      await signIn(page)
      await page.getByRole('heading', { name: 'Set up a second step' }).waitFor()
      assert.equal(await page.getByText('Authenticator app').count(), 0)
      await page.getByRole('button', { name: 'Set up a passkey' }).click()
      await page.getByRole('button', { name: /kept/ }).click()
    }, 'strict')
    assert.equal(claims.acr, 'urn:countersign:phr')
    assert.ok(claims.amr.includes('user') && claims.amr.includes('mfa'), `${claims.amr}`)
    await signOut()
    const again = await atClient('urn:countersign:phr', async () => {
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
    }, 'strict')
    assert.equal(again.acr, 'urn:countersign:phr')
  })

  it('says where passkeys are managed', async () => {
    const answer = await fetch(`${issuer.url}/.well-known/passkey-endpoints`)
    const manage = `${issuer.url}/account/passkeys`
    assert.deepEqual(await answer.json(), { enroll: manage, manage })
    const change = await fetch(`${issuer.url}/.well-known/change-password`, { redirect: 'manual' })
    assert.deepEqual([change.status, change.headers.get('location')], [303, `${issuer.url}/account/password`])
  })
})
