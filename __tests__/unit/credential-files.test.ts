import { describe, expect, test } from '@jest/globals'
import { credentialKind } from '../../src/credential-files.ts'

/** The kind of a file that begins with `content`. */
function kindOf(file: string, content: string): string | undefined {
  return credentialKind(file, () => Buffer.from(content))
}

/** A key as PEM, put together here lest this file looks like one. */
const pem = (label: string): string => `-----BEGIN ${label}-----\nplanted\n-----END ${label}-----\n`
/** As long as the secrets that Azure and Google make. */
const LONG = 'planted-'.repeat(5)
const json = (value: unknown): string => JSON.stringify(value, undefined, 2)
const SERVICE_ACCOUNT = json({ type: 'service_account', private_key: pem('PRIVATE KEY') })
const accountKey = (beginning = ''): string =>
  `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${beginning.padEnd(86, 'p')}==;EndpointSuffix=x`
const DOCKER = json({ auths: { 'registry.example': { auth: 'cGxhbnRlZA==' } } })
const KUBE = 'apiVersion: v1\nusers:\n- name: ci\n  user:\n    token: planted\n'
const nuget = (password: string): string => `<packageSourceCredentials><feed>
  <add key="Username" value="ci" /><add key="ClearTextPassword" value="${password}" /></feed>`
const maven = (password: string): string =>
  `<settings><servers><server><id>a</id><password>${password}</password></server></servers></settings>`
const state = (resources: unknown[], access_key: string | null = null): string =>
  json({ version: 4, backend: { config: { access_key } }, outputs: {}, resources })

describe('what looks like a secret', () => {
  test.each<[kind: string, file: string, content: string]>([
    ['environment file', '.env', 'A=1'],
    ['environment file', 'web/.env.production', '# words\nexport TOKEN="planted"\r\n'],
    ['environment file', '.ENV.local', 'A=${B}\nB=planted'],
    ['environment file', '.dev.vars', 'TOKEN=planted'],
    ['environment file', '.envrc', 'use nix\nexport API_KEY=planted'],
    ['environment file', 'docker/prod.env', 'DB_PASSWORD=planted'],
    ['private key', '.ssh/id_rsa', pem('OPENSSH PRIVATE KEY')],
    ['private key', 'id_ed25519', pem('OPENSSH PRIVATE KEY')],
    ['private key', 'deploy_ecdsa', pem('EC PRIVATE KEY')],
    ['private key', 'deploy_key', pem('OPENSSH PRIVATE KEY')],
    ['private key', 'id_ecdsa_sk', pem('OPENSSH PRIVATE KEY')],
    ['private key', 'ssh_host_rsa_key', pem('RSA PRIVATE KEY')],
    ['private key', 'server.pem', pem('CERTIFICATE') + pem('PRIVATE KEY')],
    ['private key', 'Server.KEY', pem('ENCRYPTED PRIVATE KEY')],
    ['private key', 'AuthKey.p8', pem('PRIVATE KEY')],
    ['private key', 'signing.asc', pem('PGP PRIVATE KEY BLOCK')],
    ['private key', 'office.ovpn', `client\n<key>\n${pem('PRIVATE KEY')}</key>\n`],
    ['private key', 'putty.ppk', 'PuTTY-User-Key-File-3: ssh-ed25519\n'],
    ['certificate with its private key', 'cert.pfx', '\0'],
    ['certificate with its private key', 'cert.P12', '\0'],
    ['Java key store', 'android/release.keystore', '\0'],
    ['Java key store', 'server.jks', '\0'],
    ['Rails master key', 'config/master.key', `${'0a'.repeat(16)}\n`],
    ['password store', 'team.kdbx', '\0'],
    ['npm token', '.npmrc', 'registry=https://r.example/\n//r.example/:_authToken=planted\n'],
    ['npm token', 'app/.npmrc', '_auth = "cGxhbnRlZA=="'],
    ['npm token', '.npmrc', '//r.example/:username=ci\n//r.example/:_password=cGxhbnRlZA==\n'],
    ['npm token', '.yarnrc.yml', 'npmScopes:\n  mine:\n    npmAuthToken: "planted"\n'],
    ['Python index password', '.pypirc', '[pypi]\nusername = __token__\npassword = planted\n'],
    ['Python index password', 'pip.conf', '[global]\nindex-url = https://ci:planted@r.example/simple\n'],
    ['netrc password', '.netrc', 'machine r.example\n  login ci\n  password planted\n'],
    ['netrc password', '_netrc', 'machine r.example login ci password planted'],
    ['Git credentials', '.git-credentials', 'https://ci:planted@r.example\n'],
    ['Git credentials', 'mirror/config', '[http]\n\textraheader = AUTHORIZATION: basic cGxhbnRlZA==\n'],
    ['Git credentials', 'bare.git/config', '[remote "origin"]\n\turl = https://x:planted@r.example/a.git\n'],
    ['Git credentials', '.gitconfig', '[url "https://x:planted@r.example/"]\n\tinsteadOf = git@r.example:\n'],
    ['GitHub token', '.config/gh/hosts.yml', 'github.com:\n    oauth_token: planted\n'],
    ['AWS credentials', '.aws/credentials', '[default]\naws_secret_access_key = planted\n'],
    ['AWS credentials', 'ci_accessKeys.csv', 'Access key ID,Secret access key\n'],
    ['Azure sign-in', '.azure/msal_token_cache.json', '{"AccessToken": {}}'],
    ['Azure sign-in', 'cli/service_principal_entries.bin', '\0'],
    ['Azure sign-in', '.azure/accessTokens.json', '[{"accessToken": "planted"}]'],
    ['Azure sign-in', '.Azure/AzureRmContext.json', '{}'],
    ['Azure publish profile', 'web.PublishSettings', '<publishData/>'],
    [
      'Azure storage account key',
      'local.settings.json',
      json({ Values: { AzureWebJobsStorage: accountKey() } }),
    ],
    ['Azure storage account key', 'appsettings.Production.json', accountKey()],
    ['Azure storage account key', 'Web.config', accountKey()],
    ['Google Cloud credentials', 'gha-creds-0123456789abcdef.json', '{}'],
    ['Google Cloud credentials', 'gcloud/application_default_credentials.json', '{}'],
    ['Google Cloud credentials', '.config/gcloud/credentials.db', '\0'],
    ['Google Cloud service account key', 'my-project-0123456789ab.json', SERVICE_ACCOUNT],
    ['Google Cloud service account key', 'keys/sa.json', SERVICE_ACCOUNT],
    ['Azure service principal', 'creds.json', json({ appId: 'a', password: LONG, tenant: 't' })],
    ['client secret', 'azure.json', json({ clientId: 'a', clientSecret: LONG, tenantId: 't' })],
    ['client secret', 'client_secret.json', json({ installed: { client_secret: LONG } })],
    ['client secret', 'my.azureauth', `client=a\nkey=${LONG}\n`],
    ['container registry login', '.docker/config.json', DOCKER],
    ['container registry login', '.dockercfg', json({ 'r.example': { auth: 'cGxhbnRlZA==' } })],
    ['container registry login', 'containers/auth.json', DOCKER],
    ['Composer token', 'auth.json', json({ 'github-oauth': { 'github.com': 'planted' } })],
    ['Kubernetes credentials', '.kube/config', KUBE],
    [
      'Kubernetes credentials',
      'kubeconfig',
      json({ users: [{ user: { 'client-key-data': 'cGxhbnRlZA==' } }] }),
    ],
    ['Kubernetes credentials', 'prod.kubeconfig.yaml', KUBE],
    ['Cargo token', '.cargo/credentials.toml', '[registry]\ntoken = "planted"\n'],
    ['Cargo token', '.cargo/credentials', '[registry]\ntoken = "planted"\n'],
    ['RubyGems key', '.gem/credentials', '---\n:rubygems_api_key: planted\n'],
    ['NuGet password', 'NuGet.Config', nuget('planted')],
    ['Maven password', '.m2/settings.xml', maven('planted')],
    ['Terraform state', 'terraform.tfstate', state([{ type: 'azurerm_resource_group' }])],
    ['Terraform state', 'terraform.tfstate.backup', state([{ type: 'azurerm_resource_group' }])],
    ['Terraform state', '.terraform/terraform.tfstate', state([], 'planted')],
    ['Terraform variables', 'terraform.tfvars', 'region = "west"\nadmin_password = "planted"\n'],
    ['Terraform token', '.terraformrc', 'credentials "app.terraform.io" {\n  token = "planted"\n}\n'],
    [
      'Terraform token',
      'credentials.tfrc.json',
      json({ credentials: { 'r.example': { token: 'planted' } } }),
    ],
    ['Vault token', '.vault-token', 'planted'],
    ['password hashes', 'nginx/.htpasswd', 'ci:$apr1$planted'],
    ['database password', '.pgpass', '*:*:*:ci:planted'],
    ['database password', '.my.cnf', '[client]\npassword=planted\n'],
  ])('%s: %s', (kind, file, content) => {
    expect(kindOf(file, content)).toBe(kind)
  })

  test('in UTF-16, as Windows PowerShell writes it', () => {
    const bytes = Buffer.from('\ufeffTOKEN=planted\r\n', 'utf16le')
    expect(credentialKind('.env', () => bytes)).toBe('environment file')
  })

  test('after a byte order mark', () => {
    expect(kindOf('.npmrc', '\ufeff_authToken=planted')).toBe('npm token')
  })
})

describe('what is no secret', () => {
  test.each<[why: string, file: string, content: string]>([
    ['an example', '.env.example', 'A=planted'],
    ['an example', 'web/.env.local.sample', 'A=planted'],
    ['an example', '.env.template', 'A=planted'],
    ['an example', '.env.dist', 'A=planted'],
    ['an example', 'example.env', 'TOKEN=planted'],
    ['an encrypted one', '.env.vault', 'A=planted'],
    ['types of it', '.env.d.ts', 'A = 1'],
    ['no value', '.env', '# A=planted\nA=\nB=""\n'],
    ['references alone', '.env', 'A=${B}\nC=$D\nE="{{ f }}"\nG=<your token>\nH=__H__ # words\n'],
    ['settings that name no secret', 'prod.env', 'NODE_ENV=production\n'],
    ['another name', 'environment', 'TOKEN=planted'],
    ['another name', 'my.environment', 'TOKEN=planted'],
    ['a folder of that name', '.env/bin/activate', 'TOKEN=planted'],
    ['a public certificate', 'ca.pem', pem('CERTIFICATE')],
    ['a public key', 'server.key', pem('PUBLIC KEY')],
    ['a public key', 'id_rsa.pub', pem('RSA PRIVATE KEY')],
    ['a presentation', 'talk.key', 'PK\u0003\u0004'],
    ['words about keys', 'notes.pem', `It begins with ${pem('PRIVATE KEY')}`],
    ['a key in code', 'crypto.ts', pem('PRIVATE KEY')],
    ['a trust store', 'truststore.jks', '\0'],
    ["Android's debug key", 'debug.keystore', '\0'],
    ['a registry alone', '.npmrc', 'registry=https://r.example/\nalways-auth=true\nengine-strict=true\n'],
    ['a variable', '.npmrc', '//r.example/:_authToken=${NPM_TOKEN}\n'],
    ['a variable in quotes', '.npmrc', '//r.example/:_authToken="${NPM_TOKEN}"\r\n'],
    ['a variable with a default', '.npmrc', '//r.example/:_authToken=${NPM_TOKEN-}\n'],
    ['a comment', '.npmrc', '; _authToken=planted\n#_authToken=planted\n'],
    ['nothing, before another line', '.npmrc', '_authToken=\nregistry=https://r.example/\n'],
    ['a variable', '.yarnrc.yml', 'npmAuthToken: "${NPM_TOKEN:-}" # from the runner\n'],
    ['no password', '.pypirc', '[distutils]\nindex-servers = pypi\n'],
    ['a variable', 'pip.conf', 'index-url = https://${USER}:${TOKEN}@r.example/simple\n'],
    ['a user alone', 'bare.git/config', '[remote "origin"]\n\turl = https://org@dev.azure.com/org/_git/a\n'],
    ['no password', '.netrc', 'machine r.example login ci\n'],
    ['settings alone', '.aws/config', '[default]\nregion = west\n'],
    ['another folder', 'docs/credentials', 'aws_secret_access_key = planted\n'],
    ['another folder', 'docs/credentials', 'token = planted\n:rubygems_api_key: planted\n'],
    ['another folder', 'nginx/config', KUBE],
    ['another folder', 'cache/hash.key', '0a'.repeat(16)],
    ['another folder', 'data/credentials.db', '\0'],
    ['another folder', 'data/TokenCache.dat', '\0'],
    ['an empty list', 'accessTokens.json', '[]'],
    ["the emulator's key", 'local.settings.json', accountKey('Eby8vdM02xNO')],
    ['the emulator', 'local.settings.json', json({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' })],
    ['other JSON', 'keys.json', json({ type: 'service_account', project_id: 'a' })],
    [
      'words of a user interface',
      'locales/auth.json',
      json({ client_secret: 'Client secret', auth: 'Sign in' }),
    ],
    ['a name that is no suspect', 'data.json', SERVICE_ACCOUNT],
    ['a program', 'bin/azureauth', '\u007fELF'],
    ['a helper that keeps the login', '.docker/config.json', json({ auths: { a: {} }, credsStore: 'pass' })],
    ['another config.json', 'src/config.json', DOCKER],
    ['a cluster without a user', 'kubeconfig', 'clusters:\n- cluster:\n    tokenFile: /t\n'],
    [
      'hidden by kubectl',
      'kubeconfig',
      'users:\n- user:\n    client-key-data: DATA+OMITTED\n    token: REDACTED\n',
    ],
    ['no token', '.cargo/credentials.toml', '[registry]\n'],
    ['a variable', 'nuget.config', nuget('%FEED_TOKEN%')],
    ['sources alone', 'nuget.config', '<add key="nuget.org" value="https://api.nuget.org/v3/index.json" />'],
    ['a variable', 'settings.xml', maven('${env.TOKEN}')],
    ['encrypted', 'settings.xml', maven('{cGxhbnRlZA==}')],
    ['other settings', 'settings.xml', '<user><password>planted</password></user>'],
    ['no resources', 'terraform.tfstate', state([])],
    ['settings alone', 'terraform.tfvars', 'region = "west"\nvm_size = "B2s"\n'],
    ['no token', '.terraformrc', 'plugin_cache_dir = "/tmp"\n'],
  ])('%s: %s', (_, file, content) => {
    expect(kindOf(file, content)).toBeUndefined()
  })

  test.each(['.env', 'id_rsa', '.npmrc'])('%s that cannot be read', (file) => {
    expect(credentialKind(file, () => undefined)).toBeUndefined()
  })
})

describe('what is looked at', () => {
  /** Whether the content was asked for. */
  function isRead(file: string): boolean {
    let asked = false
    credentialKind(file, () => {
      asked = true
      return undefined
    })
    return asked
  }

  test.each(['.env', 'a/id_rsa', '.kube/config', 'gcp-key.json'])('%s, whose content tells', (file) => {
    expect(isRead(file)).toBe(true)
  })

  test.each([
    ['other files', 'src/index.ts'],
    ['JSON of another name', 'package.json'],
    ['the right name in another folder', 'src/hosts.yml'],
    ['what its name tells', '.git-credentials'],
  ])('not: %s', (_, file) => {
    expect(isRead(file)).toBe(false)
  })
})
