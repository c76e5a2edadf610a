/**
 * Which files look like secrets: by their names and, where a name alone would raise false alarms, by how they begin. A file
 * of settings that names a variable instead of a secret is none. Names are those that the tools themselves document; they
 * count in any letter case, as on Windows.
 */

/** What gives a secret away. */
interface Pattern {
  /** In a user's words. */
  kind: string
  /** The whole name of the file. */
  name: RegExp
  /** The name of the folder that it is in, where that matters. */
  folder?: RegExp
  /** What its beginning must hold as well; without it the name is enough. */
  holds?: (text: string) => boolean
}

/**
 * What kind of secret a file looks like, if any.
 * @param file its path, with `/` between segments
 * @param beginning gives its first bytes (64 KiB are plenty), or nothing when it cannot be read; asked only where the
 *   name does not settle it
 * @returns a kind in a user's words, such as `private key`; never anything of the content
 */
export function credentialKind(file: string, beginning: () => Uint8Array | undefined): string | undefined {
  const name = file.slice(file.lastIndexOf('/') + 1)
  if (!ANY_NAME.test(name)) return undefined
  const folder = file.split('/').at(-2) ?? ''
  const suspects = PATTERNS.filter((one) => one.name.test(name) && (one.folder?.test(folder) ?? true))
  const settled = suspects.find(({ holds }) => holds === undefined)
  if (settled) return settled.kind
  if (suspects.length === 0) return undefined
  const bytes = beginning()
  if (bytes === undefined) return undefined
  const text = textOf(bytes)
  return suspects.find(({ holds }) => holds?.(text))?.kind
}

/** Windows PowerShell 5.1 writes UTF-16 with a byte order mark when it redirects into a file. */
function textOf(bytes: Uint8Array): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe
  return new TextDecoder(isUtf16 ? 'utf-16le' : 'utf-8').decode(bytes)
}

/** What stands for a secret that something else fills in, in the ways of shells, templates and documentation. */
const PLACEHOLDER =
  /^(?:\$\{[^}]*\}|\$\(?\w+\)?|%\w+%|\{[^}]*\}+|<[^>]*>|#\{[^}]*\}#?|__\w+__|[x*.]+|null|redacted|data\+omitted|your[-_ ].*|change[-_]?me)$/i

/** Whether one of the values that `pattern` captures is a secret itself: neither empty nor a placeholder. */
function value(pattern: RegExp): (text: string) => boolean {
  return (text) =>
    [...text.matchAll(pattern)].some(([, captured = '']) => {
      const bare = captured
        .replace(/\s#.*$/, '')
        .trim()
        .replace(/^["']|["'][,;]?$/g, '')
      return bare !== '' && !PLACEHOLDER.test(bare)
    })
}

/** Whether all of the patterns are found. */
function all(...patterns: RegExp[]): (text: string) => boolean {
  return (text) => patterns.every((pattern) => pattern.test(text))
}

const keyBlock = all(/^[ \t]*(?:<key>)?-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/m)
const registryLogin = value(/"(?:auth|identitytoken|registrytoken)"\s*:\s*"([^"]*)"/g)
const urlPassword = value(/:\/\/[^\s:/@]*:([^\s/@]+)@/g)
const NAMED_SECRET =
  /^[ \t]*(?:export[ \t]+)?\w{0,80}(?:secret|token|passw|api_?key|access_?key|private_?key)\w{0,80}[ \t]*=[ \t]*(.*)$/gim
/** JSON files that people keep keys in, and the name that Google's console gives one: `<project>-<12 digits>.json`. */
const KEY_JSON =
  /^(?:.*(?:cred|secret|service[-_.]?account|firebase|gcp|gcloud|google|azure|principal|auth|(?:^|[-_.])(?:sa|sp|key)).*|.+-[0-9a-f]{12})\.json$/i
/** Ends of names of files that only look like `.env` files: examples, encrypted ones, program code. */
const NO_ENVIRONMENT =
  /(?:example|sample|te?mpl|template|dist|defaults?|schema|vault|enc|encrypted|gpg|age|sops|md|[cm]?[jt]s|py|php|sh)/

const PATTERNS: Pattern[] = [
  {
    kind: 'environment file',
    name: new RegExp(String.raw`^\.(?:env|dev\.vars)(?!.*\.${NO_ENVIRONMENT.source}(?:\.|$))(?:\..+)?$`, 'i'),
    holds: value(/^[ \t]*(?:export[ \t]+)?[a-z_][\w.]*[ \t]*=[ \t]*(.*)$/gim),
  },
  {
    kind: 'environment file',
    name: /^(?:(?!.*(?:example|sample|template|default)).+\.env|\.envrc)$/i,
    holds: value(NAMED_SECRET),
  },
  {
    kind: 'private key',
    name: /^(?:(?:.+[-_])?(?:(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|key)|.+\.(?:pem|key|p8|crt|cer|asc|gpg|ovpn))$/i,
    holds: keyBlock,
  },
  { kind: 'private key', name: /^.+\.ppk$/i, holds: all(/^PuTTY-User-Key-File-/) },
  { kind: 'certificate with its private key', name: /^.+\.(?:pfx|p12)$/i },
  // Android signs debug builds with a key that everyone has.
  { kind: 'Java key store', name: /^(?!.*(?:trust|cacerts)|debug\.).*\.(?:jks|keystore)$/i },
  {
    kind: 'Rails master key',
    name: /^.+\.key$/i,
    folder: /^(?:config|credentials)$/,
    holds: all(/^[0-9a-f]{32}\s*$/),
  },
  { kind: 'password store', name: /^.+\.kdbx$/i },
  {
    kind: 'npm token',
    name: /^\.npmrc$/i,
    holds: value(/^[ \t]*(?:\/\/\S*:)?_(?:authToken|auth|password)[ \t]*=[ \t]*(.*)$/gm),
  },
  {
    kind: 'npm token',
    name: /^\.yarnrc\.ya?ml$/i,
    holds: value(/^[ \t]*["']?npmAuth(?:Token|Ident)["']?[ \t]*:[ \t]*(.*)$/gm),
  },
  {
    kind: 'Python index password',
    name: /^\.pypirc$/i,
    holds: value(/^[ \t]*password[ \t]*[=:][ \t]*(.*)$/gm),
  },
  { kind: 'Python index password', name: /^pip\.(?:conf|ini)$/i, holds: urlPassword },
  { kind: 'netrc password', name: /^[._]netrc$/i, holds: value(/\bpassword\s+(\S+)/g) },
  { kind: 'Git credentials', name: /^\.git-credentials$/i },
  // The header is how a checkout keeps the job's token; a bare clone has a `config` outside of any `.git`.
  {
    kind: 'Git credentials',
    name: /^(?:config|\.gitconfig)$/i,
    holds: value(/^[ \t]*extraheader[ \t]*=[ \t]*"?authorization:[ \t]*\w+[ \t]+(.*)$/gim),
  },
  {
    kind: 'Git credentials',
    name: /^(?:config|\.gitconfig)$/i,
    holds: value(/^(?:\[url "|[ \t]*url[ \t]*=[ \t]*)https?:\/\/[^\s:/@]*:([^\s/@]+)@/gm),
  },
  {
    kind: 'GitHub token',
    name: /^hosts\.yml$/i,
    folder: /^gh$/i,
    holds: value(/^[ \t]*oauth_token:[ \t]*(.*)$/gm),
  },
  {
    kind: 'AWS credentials',
    name: /^(?:credentials|config)$/i,
    folder: /^\.aws$/i,
    holds: value(/^[ \t]*aws_(?:secret_access_key|session_token)[ \t]*=[ \t]*(.*)$/gim),
  },
  { kind: 'AWS credentials', name: /^(?:(?:.+_)?accessKeys|rootkey)\.csv$/i },
  // Azure CLI writes `.json` on Linux and macOS, encrypted `.bin` on Windows; accessTokens.json up to 2.29.
  { kind: 'Azure sign-in', name: /^(?:msal_token_cache|service_principal_entries)\.(?:json|bin)$/i },
  {
    kind: 'Azure sign-in',
    name: /^accessTokens\.json$/i,
    holds: value(/"(?:access|refresh)Token"\s*:\s*"([^"]*)"/g),
  },
  { kind: 'Azure sign-in', name: /^(?:TokenCache\.dat|AzureRmContext\.json)$/i, folder: /^\.azure$/i },
  { kind: 'Azure publish profile', name: /^.+\.publishsettings$/i },
  {
    kind: 'Azure storage account key',
    name: /^(?:(?:local\.settings|appsettings)(?:\..+)?\.json|(?:web|app)(?:\..+)?\.config)$/i,
    // An account key has 64 bytes. The storage emulator's, which everyone has, begins as excepted here.
    holds: all(/AccountKey=(?!Eby8vdM0)[A-Za-z0-9+/]{86}==/),
  },
  { kind: 'Google Cloud credentials', name: /^(?:application_default_credentials|gha-creds-.+)\.json$/i },
  { kind: 'Google Cloud credentials', name: /^(?:credentials|access_tokens)\.db$/i, folder: /^gcloud$/i },
  {
    kind: 'Google Cloud service account key',
    name: KEY_JSON,
    holds: all(/"type"\s*:\s*"service_account"/, /"private_key"\s*:\s*"-----BEGIN /),
  },
  // As `az ad sp create-for-rbac` prints it.
  {
    kind: 'Azure service principal',
    name: KEY_JSON,
    holds: all(/"appId"\s*:\s*"/, /"tenant"\s*:\s*"/, /"password"\s*:\s*"[^"\s]{24,}"/),
  },
  // Shorter values are words of a user interface. The second name is that of the Azure SDKs' authentication files.
  { kind: 'client secret', name: KEY_JSON, holds: all(/"client_?secret"\s*:\s*"[^"\s]{24,}"/i) },
  {
    kind: 'client secret',
    name: /^(?:azureauth|.+\.azureauth|azureauth\.\w+)$/i,
    holds: all(/"clientSecret"\s*:\s*"[^"\s]{24,}"|^key[ \t]*=[ \t]*\S{24}/m),
  },
  { kind: 'container registry login', name: /^config\.json$/i, folder: /^\.docker$/i, holds: registryLogin },
  { kind: 'container registry login', name: /^\.docker(?:cfg|configjson)$/i, holds: registryLogin },
  {
    kind: 'container registry login',
    name: /^auth\.json$/i,
    holds: (text) => text.includes('"auths"') && registryLogin(text),
  },
  {
    kind: 'Composer token',
    name: /^auth\.json$/i,
    holds: all(/"(?:github-oauth|gitlab-oauth|gitlab-token|bitbucket-oauth|http-basic|bearer)"\s*:\s*\{\s*"/),
  },
  { kind: 'Kubernetes credentials', name: /^(?:.*[-_.])?kubeconfig(?:[-_.].*)?$/i, holds: kubeSecret() },
  { kind: 'Kubernetes credentials', name: /^config$/i, folder: /^\.kube$/i, holds: kubeSecret() },
  {
    kind: 'Cargo token',
    name: /^credentials(?:\.toml)?$/i,
    folder: /^\.cargo$/i,
    holds: value(/^[ \t]*token[ \t]*=[ \t]*(.*)$/gm),
  },
  {
    kind: 'RubyGems key',
    name: /^credentials$/i,
    folder: /^\.gem$/i,
    holds: value(/_api_key:[ \t]*(.*)$/gm),
  },
  // Only the clear text: an encrypted `Password` opens on the machine alone that wrote it.
  {
    kind: 'NuGet password',
    name: /^nuget(?:\..+)?\.config$/i,
    holds: value(/\bkey\s*=\s*"ClearTextPassword"\s+value\s*=\s*"([^"]*)"/gi),
  },
  {
    kind: 'Maven password',
    name: /^settings\.xml$/i,
    holds: (text) => text.includes('<server>') && value(/<password>([^<]*)<\/password>/g)(text),
  },
  {
    kind: 'Terraform state',
    name: /^.+\.tfstate(?:\..+)?$/i,
    // State keeps the attributes of resources in clear text. One without any may still hold a key of its backend.
    holds: (text) =>
      /"resources"\s*:\s*[[{]\s*[{"]/.test(text) ||
      value(/"(?:access_key|secret_key|client_secret|sas_token|password|token)"\s*:\s*"([^"]*)"/g)(text),
  },
  { kind: 'Terraform variables', name: /^.+\.tfvars$/i, holds: value(NAMED_SECRET) },
  {
    kind: 'Terraform token',
    name: /^(?:\.terraformrc|terraform\.rc|.+\.tfrc(?:\.json)?)$/i,
    holds: value(/\btoken"?\s*[=:]\s*("[^"]*")/g),
  },
  { kind: 'Vault token', name: /^\.vault-token$/i },
  { kind: 'password hashes', name: /^\.htpasswd$/i },
  { kind: 'database password', name: /^(?:\.pgpass|pgpass\.conf|\.mylogin\.cnf)$/i },
  { kind: 'database password', name: /^\.my\.cnf$/i, holds: value(/^[ \t]*password[ \t]*=[ \t]*(.*)$/gm) },
]

function kubeSecret(): (text: string) => boolean {
  const keys = 'token|password|client-key-data|access-token|id-token|refresh-token'
  return value(new RegExp(String.raw`^[ \t]*(?:- )?"?(?:${keys})"?[ \t]*:[ \t]*(.*)$`, 'gm'))
}

/** Most files are none: one question tells, instead of one a pattern. */
const ANY_NAME = new RegExp(PATTERNS.map(({ name }) => name.source).join('|'), 'i')
