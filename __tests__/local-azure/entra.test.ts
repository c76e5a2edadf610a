import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { CLIENT_ID, defaultSeed, TENANT_ID } from '../../local-azure/seed.ts'
import { fetchIdToken, runScript, send, startAccess, type Access, type Answer } from './access-support.ts'

const AUDIENCE = 'api://AzureADTokenExchange'
const ARM_SCOPE = 'https://management.azure.com/.default'
const ARM = 'https://management.azure.com'

interface Refusal {
  error: string
  error_description: string
  error_codes: number[]
}

let access: Access
beforeAll(async () => {
  access = await startAccess()
})
afterAll(() => access.close())

async function askToken(
  form: Record<string, string | undefined>,
  { tenant = TENANT_ID, at = access } = {},
): Promise<Answer> {
  const fields = {
    grant_type: 'client_credentials',
    client_id: CLIENT_ID,
    scope: ARM_SCOPE,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    ...form,
  }
  const present = Object.entries<string | undefined>(fields).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return await send(at, `${at.entra.url}/${tenant}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(present).toString(),
  })
}

async function refusal(answer: Promise<Answer>): Promise<[number, string, number, string]> {
  const { status, text } = await answer
  const body = JSON.parse(text) as Refusal
  return [status, body.error, body.error_codes[0] ?? 0, body.error_description]
}

describe('sign-in', () => {
  test('the real SDK exchanges an ID token for an access token', async () => {
    const script = `
      import { ClientAssertionCredential } from '@azure/identity'
      const { AUTHORITY, TENANT, CLIENT, ID_TOKEN } = process.env
      const options = { authorityHost: AUTHORITY, disableInstanceDiscovery: true }
      const credential = new ClientAssertionCredential(TENANT, CLIENT, async () => ID_TOKEN, options)
      const { token, expiresOnTimestamp } = await credential.getToken('${ARM_SCOPE}')
      console.log(JSON.stringify({ token, expiresOnTimestamp }))`
    const output = await runScript(access, script, {
      AUTHORITY: access.entra.url,
      TENANT: TENANT_ID,
      CLIENT: CLIENT_ID,
      ID_TOKEN: await fetchIdToken(access, {}, AUDIENCE),
    })
    const { token, expiresOnTimestamp } = JSON.parse(output) as { token: string; expiresOnTimestamp: number }
    const application = defaultSeed().applications[0]
    expect(decodeJwt(token)).toMatchObject({
      iss: `https://sts.windows.net/${TENANT_ID}/`,
      aud: ARM,
      appid: CLIENT_ID,
      oid: application?.objectId,
      tid: TENANT_ID,
      ver: '1.0',
    })
    expect(decodeProtectedHeader(token)).toMatchObject({ typ: 'JWT', alg: 'RS256' })
    expect(expiresOnTimestamp).toBeGreaterThan(Date.now() + 50 * 60_000)
    expect(access.world.secrets).toContain(token)
    expect(await access.entra.verify(token, [ARM])).toEqual({
      objectId: application?.objectId,
      clientId: CLIENT_ID,
    })
  })

  test('the audience keeps the spelling of the scope', async () => {
    const assertion = await fetchIdToken(access, {}, AUDIENCE)
    const scopes = [`${ARM}//.default`, 'https://stcontosobuild.blob.core.windows.net/.default']
    const audiences = []
    for (const scope of scopes) {
      const { text } = await askToken({ scope, client_assertion: assertion })
      audiences.push(decodeJwt((JSON.parse(text) as { access_token: string }).access_token).aud)
    }
    expect(audiences).toEqual([`${ARM}/`, 'https://stcontosobuild.blob.core.windows.net'])
  })

  test('discovery names the endpoints on its own origin', async () => {
    const { text } = await send(
      access,
      `${access.entra.url}/${TENANT_ID}/v2.0/.well-known/openid-configuration`,
    )
    expect(JSON.parse(text)).toMatchObject({
      issuer: `${access.entra.url}/${TENANT_ID}/v2.0`,
      token_endpoint: `${access.entra.url}/${TENANT_ID}/oauth2/v2.0/token`,
    })
  })
})

describe('refusals', () => {
  test.each([
    [
      'an application that is switched off',
      { disabled: true },
      7000112,
      /^AADSTS7000112: Application '.+'\(.+\) is disabled\./,
    ],
    [
      'an application that Conditional Access blocks',
      { blockedByConditionalAccess: true },
      53003,
      /^AADSTS53003: Access has been blocked by Conditional Access policies\./,
    ],
    [
      'what does not match, in the words of old',
      { oldWording: true, federatedCredentials: [{ issuer: 'https://other', subject: 's', audience: 'a' }] },
      70021,
      /^AADSTS70021: .* Assertion Issuer: '.+'\. Assertion Subject: 'repo:.+'\. Assertion Audience: '.+'\./,
    ],
  ])('%s', async (_, change, wanted, words) => {
    const [application] = access.world.seed.applications
    if (!application) throw new Error('no application')
    const before = { ...application }
    Object.assign(application, change)
    try {
      const client_assertion = await fetchIdToken(access, {}, AUDIENCE)
      const [, , code, text] = await refusal(askToken({ client_assertion }))
      expect([code, text]).toEqual([wanted, expect.stringMatching(words)])
    } finally {
      Object.assign(
        application,
        { disabled: false, blockedByConditionalAccess: false, oldWording: false },
        before,
      )
    }
  })

  test('a subject without a federated credential', async () => {
    const client_assertion = await fetchIdToken(access, { ref: 'refs/heads/dev' }, AUDIENCE)
    const [status, error, code, text] = await refusal(askToken({ client_assertion }))
    expect([status, error, code]).toEqual([401, 'invalid_client', 700213])
    expect(text).toMatch(
      /^AADSTS700213: No matching federated identity record found for presented assertion subject 'repo:octo-org\/webapp:ref:refs\/heads\/dev'\. .* Trace ID: [-\w]+ Correlation ID: [-\w]+ Timestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/,
    )
  })

  test('a subject that differs in letter case alone', async () => {
    const client_assertion = await fetchIdToken(access, { repository: 'Octo-Org/webapp' }, AUDIENCE)
    const [status, , code, text] = await refusal(askToken({ client_assertion }))
    expect([status, code]).toEqual([401, 7002138])
    expect(text).toContain('The subject matches with case-insensitive comparison')
  })

  test('the wrong audience', async () => {
    const client_assertion = await fetchIdToken(access)
    const [status, , code, text] = await refusal(askToken({ client_assertion }))
    expect([status, code]).toEqual([401, 700212])
    expect(text).toContain("audience 'https://github.com/octo-org'")
  })

  test('another issuer', async () => {
    const client_assertion = await access.entra.issue({ objectId: 'o', clientId: 'c' }, AUDIENCE)
    const [status, , code, text] = await refusal(askToken({ client_assertion }))
    expect([status, code]).toEqual([401, 700211])
    expect(text).toContain(`issuer 'https://sts.windows.net/${TENANT_ID}/'`)
  })

  test('a text that is no token, and a token that somebody else signed', async () => {
    const token = await fetchIdToken(access, {}, AUDIENCE)
    const forged = `${token.slice(0, -8)}AAAAAAAA`
    for (const client_assertion of ['not-a-token', forged]) {
      const [status, error, code] = await refusal(askToken({ client_assertion }))
      expect([status, error, code]).toEqual([400, 'invalid_request', 50027])
    }
  })

  test('a stale ID token', async () => {
    const brief = await startAccess({ idTokenLifetimeSeconds: 0 })
    try {
      const client_assertion = await fetchIdToken(brief, {}, AUDIENCE)
      const [status, error, code, text] = await refusal(askToken({ client_assertion }, { at: brief }))
      expect([status, error, code]).toEqual([401, 'invalid_client', 700024])
      expect(text).toMatch(
        /not within its valid time range\. Current time: \S+\d{7}Z, assertion valid from \S+0000Z, expiry time of assertion \S+0000Z\./,
      )
    } finally {
      await brief.close()
    }
  })

  test('an application without federated credentials', async () => {
    const seed = defaultSeed()
    seed.applications.forEach((application) => (application.federatedCredentials = []))
    const bare = await startAccess({}, seed)
    try {
      const client_assertion = await fetchIdToken(bare, {}, AUDIENCE)
      const [, , code] = await refusal(askToken({ client_assertion }, { at: bare }))
      expect(code).toBe(70025)
    } finally {
      await bare.close()
    }
  })

  test('requests that name something unknown, or leave something out', async () => {
    const client_assertion = await fetchIdToken(access, {}, AUDIENCE)
    const cases: [Record<string, string | undefined>, [number, string, number]][] = [
      [{ client_id: TENANT_ID }, [400, 'unauthorized_client', 700016]],
      [{ client_id: undefined }, [400, 'invalid_request', 900144]],
      [{ scope: undefined }, [400, 'invalid_request', 900144]],
      [{ grant_type: undefined }, [400, 'invalid_request', 900144]],
      [{ grant_type: 'password' }, [400, 'unsupported_grant_type', 70003]],
      [{ client_assertion: undefined }, [401, 'invalid_client', 7000216]],
      [{ client_assertion: undefined, client_secret: 'x' }, [401, 'invalid_client', 7000215]],
      [{ scope: ARM }, [400, 'invalid_scope', 1002012]],
      [{ scope: `${ARM_SCOPE} ${ARM_SCOPE}` }, [400, 'invalid_scope', 70011]],
      [{ scope: 'https://graph.microsoft.com/.default' }, [400, 'invalid_resource', 500011]],
    ]
    for (const [form, expected] of cases) {
      const [status, error, code] = await refusal(askToken({ client_assertion, ...form }))
      expect([status, error, code]).toEqual(expected)
    }
  })

  test('another tenant, at the token endpoint and at discovery', async () => {
    const [status, error, code, text] = await refusal(askToken({}, { tenant: CLIENT_ID }))
    expect([status, error, code]).toEqual([400, 'invalid_request', 90002])
    expect(text).toContain(`Tenant '${CLIENT_ID}' not found.`)
    const url = `${access.entra.url}/${CLIENT_ID}/v2.0/.well-known/openid-configuration`
    expect((await refusal(send(access, url))).slice(0, 3)).toEqual([400, 'invalid_tenant', 90002])
  })
})

describe('verification', () => {
  const principal = { objectId: 'object', clientId: 'client' }

  test('takes an audience with and without its slash', async () => {
    const token = await access.entra.issue(principal, `${ARM}/`)
    expect(await access.entra.verify(token, [ARM])).toEqual(principal)
  })

  test('refuses in the words of Resource Manager', async () => {
    const storage = await access.entra.issue(principal, 'https://storage.azure.com')
    expect(await access.entra.verify(undefined, [ARM])).toEqual({
      code: 'AuthenticationFailed',
      message: "Authentication failed. The 'Authorization' header is missing.",
    })
    expect(await access.entra.verify(storage, [`${ARM}/`, ARM])).toEqual({
      code: 'InvalidAuthenticationTokenAudience',
      message:
        "The access token has been obtained for wrong audience or resource 'https://storage.azure.com'. It should " +
        `exactly match with one of the allowed audiences '${ARM}/','${ARM}'.`,
    })
    const idToken = await fetchIdToken(access, {}, ARM)
    for (const token of [idToken, 'x.y.z']) {
      expect(await access.entra.verify(token, [ARM])).toMatchObject({ code: 'InvalidAuthenticationToken' })
    }
  })

  test('refuses an expired token', async () => {
    const brief = await startAccess({ accessTokenLifetimeSeconds: 0 })
    try {
      const token = await brief.entra.issue(principal, ARM)
      expect(await brief.entra.verify(token, [ARM])).toEqual({
        code: 'ExpiredAuthenticationToken',
        message: expect.stringMatching(
          /^The access token expiry UTC time '\d+\/\d+\/\d{4} \d+:\d\d:\d\d [AP]M' is earlier than current UTC time '/,
        ),
      })
    } finally {
      await brief.close()
    }
  })
})
