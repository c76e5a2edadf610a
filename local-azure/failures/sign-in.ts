/** Scenarios of sign-ins that fail. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LocalAzure } from '../index.ts'
import type { JobOptions } from '../runner.ts'
import type { Scenario } from '../scenarios.ts'
import { CLIENTS } from './company.ts'
import { failing } from './story.ts'

const as = (client: string): { with: Record<string, string> } => ({ with: { 'client-id': client } })

export const SIGN_IN_SCENARIOS: Record<string, Scenario> = {
  'certificate-not-trusted': failing('a runner that knows nothing of the authority of the company', {
    job: { env: { NODE_EXTRA_CA_CERTS: '' } },
  }),
  'sign-in-subject-mismatch': failing('a branch that no federated credential names', {
    job: { job: { ref: 'refs/heads/feature' } },
  }),
  'sign-in-subject-case': failing('a repository whose name is written in other letter case', {
    job: { job: { repository: 'Octo-Org/WebApp' } },
  }),
  'sign-in-issuer-mismatch': failing(
    'a federated credential for a server of the company',
    as(CLIENTS.otherIssuer),
  ),
  'sign-in-audience-mismatch': failing('an audience that no federated credential names', {
    with: { audience: 'api://contoso' },
  }),
  'sign-in-no-federated-credential': failing(
    'an application without any federated credential',
    as(CLIENTS.noCredential),
  ),
  'sign-in-credential-mismatch': failing(
    'a refusal in the words that Entra ID had until 2023',
    as(CLIENTS.oldWording),
  ),
  'sign-in-token-expired': failing('an ID token that is too old when Entra ID sees it', {
    azure: { idTokenLifetimeSeconds: 0 },
  }),
  'sign-in-application-not-found': failing(
    'a client ID that the directory does not know',
    as(CLIENTS.unknown),
  ),
  'sign-in-application-disabled': failing('an application that was switched off', as(CLIENTS.disabled)),
  'sign-in-blocked': failing('an application that Conditional Access blocks', as(CLIENTS.blocked)),
  'sign-in-tenant-not-found': failing('a tenant that does not exist', {
    with: { 'tenant-id': '00000000-1111-2222-3333-444444444444' },
  }),
  // The scope of a cloud is fixed; this directory knows the public one's Resource Manager alone.
  'sign-in-resource-not-found': failing('an environment that is not the one of the tenant', {
    with: { environment: 'AzureUSGovernment' },
  }),
  'sign-in-no-id-token': failing('a job without id-token: write', {
    job: { permissions: { idToken: false } },
  }),
  'not-signed-in': failing('no client ID, no Azure CLI, and no identity of the machine', {
    with: { 'client-id': '' },
    late: hostedRunner,
  }),
  'sign-in-failed': failing('an ID token that something on the way has mangled', {
    azure: {
      faults: [
        {
          service: 'github',
          match: '/idtoken',
          times: Infinity,
          respond: { status: 200, body: { value: 'mangled' } },
        },
      ],
    },
  }),
}

/** Its machine is a VM of Azure, whose metadata service answers, and knows no identity (text: reported). */
async function hostedRunner({ world }: LocalAzure): Promise<Partial<JobOptions>> {
  const metadata = createServer((_, answer) => {
    answer.writeHead(400, { 'Content-Type': 'application/json' })
    answer.end(JSON.stringify({ error: 'invalid_request', error_description: 'Identity not found' }))
  })
  metadata.listen(0, '127.0.0.1')
  await once(metadata, 'listening')
  metadata.unref()
  world.closed.addEventListener('abort', () => {
    metadata.close()
    metadata.closeAllConnections()
  })
  const { port } = metadata.address() as AddressInfo
  return { env: { PATH: '/nowhere', AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://127.0.0.1:${port}` } }
}
