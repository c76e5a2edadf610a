/** Failures of signing in to Entra ID. Codes and texts: documentation of Entra ID, refusals that users reported. */
import type { Failure, Marks } from '../failures.ts'
import { ENTRA, ENTRA_ARTICLES, GITHUB } from './links.ts'

const ERROR_CODES = `${ENTRA}/identity-platform/reference-error-codes`
const TRUST = `${ENTRA}/workload-id/workload-identity-federation-create-trust`
const CONSIDERATIONS = `${ENTRA}/workload-id/workload-identity-federation-considerations`
const GITHUB_OIDC = `${GITHUB}/how-tos/secure-your-work/security-harden-deployments/oidc-in-azure`

const ADD_CREDENTIAL = `  az ad app federated-credential create --id <client-id> --parameters '{"name":"github-actions","issuer":"{issuer}","subject":"{subject}","audiences":["{audience}"]}'`

/**
 * A refusal by its code, with what was presented where the message has it. Not a subject with a quotation mark, which a
 * branch may have in its name: it would end the string in the command.
 */
function refused(...codes: string[]): Marks[] {
  const code = `\\bAADSTS(?:${codes.join('|')})\\b`
  const presented =
    'Presented: issuer (?<issuer>[^\\s\'"]+), subject (?<subject>[^\\s\'"][^\\n\'"]*), audience (?<audience>[^\\s\'"]+)$'
  return [
    { kind: 'sign-in', text: new RegExp(`${code}[^]*^${presented}`, 'm') },
    { kind: 'sign-in', text: new RegExp(code) },
  ]
}

/** Words of OpenSSL for a certificate that it does not take, and Node's for one of another name (their sources). */
const CERTIFICATE =
  /unable to (?:get (?:local )?issuer|verify the first) certificate|self[- ]signed certificate|certificate (?:signature failure|has expired|is not yet valid|not trusted|revoked|rejected)|does not match certificate's altnames/

export const SIGN_IN_FAILURES: readonly Failure[] = [
  {
    id: 'certificate-not-trusted',
    title: 'The runner does not trust the certificate of a service',
    shows: ['sign-in', 'submission', 'storage'],
    words: [
      'SELF_SIGNED_CERT_IN_CHAIN: self-signed certificate in certificate chain',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unable to get local issuer certificate',
      "ERR_TLS_CERT_ALTNAME_INVALID: Hostname/IP does not match certificate's altnames: …",
    ],
    cause:
      'Whoever answered showed a certificate that the runner does not trust, and was sent nothing. As a rule a proxy or firewall between the runner and the service opens TLS and shows a certificate of its own; else the clock of the runner is wrong, or the service is one of the company.',
    remedy:
      "On a self-hosted runner, give the certificate of the authority that signed it (PEM) to the step, or to the runner's .env file; the action has no switch that turns the check off:\n  env:\n    NODE_EXTRA_CA_CERTS: /path/to/authority.pem\nOr let the proxy pass these hosts unopened: that of GitHub's ID tokens, Entra ID, Resource Manager and Blob Storage.",
    link: `${GITHUB}/hosting-your-own-runners/using-a-proxy-server-with-self-hosted-runners`,
    marks: [
      // Entra ID has words of its own for certificates of applications.
      { kind: 'sign-in', text: new RegExp(`^(?![^]*\\bAADSTS)[^]*(?:${CERTIFICATE.source})`) },
      { kind: 'azure', status: /^0$/, text: CERTIFICATE },
      {
        kind: 'azure',
        status: /^0$/,
        code: /^(?:CERT_|DEPTH_ZERO_SELF_SIGNED_CERT|ERR_TLS_CERT_|SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY))/,
      },
    ],
  },
  {
    id: 'sign-in-subject-mismatch',
    title: 'No federated credential has the subject of this workflow',
    shows: ['sign-in'],
    words: ["AADSTS700213: No matching federated identity record found for presented assertion subject '…'."],
    cause:
      'The application has no federated credential with the subject {subject}. It differs for each branch, tag and environment of GitHub; repositories made, renamed or transferred since 15 July 2026 have subjects with IDs in them.',
    remedy: `Add a credential with exactly that subject, to the application or managed identity of 'client-id'; for an application:\n${ADD_CREDENTIAL}`,
    link: `${ENTRA}/workload-id/workload-identities-github-immutable-subjects`,
    marks: refused('700213'),
  },
  {
    id: 'sign-in-subject-case',
    title: 'The subject of the federated credential differs in letter case',
    shows: ['sign-in'],
    words: [
      'AADSTS7002138: … The subject matches with case-insensitive comparison, but not with case-sensitive comparison.',
    ],
    cause: 'A federated credential has the subject {subject}, but in other upper and lower case.',
    remedy: `Delete that credential and add one with exactly the subject that was presented:\n${ADD_CREDENTIAL}`,
    link: TRUST,
    marks: refused('7002138'),
  },
  {
    id: 'sign-in-issuer-mismatch',
    title: 'The issuer of the federated credential is another',
    shows: ['sign-in'],
    words: ["AADSTS700211: No matching federated identity record found for presented assertion issuer '…'."],
    cause: 'No federated credential of the application names the issuer {issuer}.',
    remedy:
      "Change the credential's issuer to the one that was presented, without a slash at its end. On GitHub it is https://token.actions.githubusercontent.com; enterprises may have their own.",
    link: TRUST,
    marks: refused('700211'),
  },
  {
    id: 'sign-in-audience-mismatch',
    title: 'The audience of the federated credential is another',
    shows: ['sign-in'],
    words: [
      "AADSTS700212: No matching federated identity record found for presented assertion audience '…'.",
    ],
    cause: 'No federated credential of the application names the audience {audience}.',
    remedy:
      "Change the credential's audience to api://AzureADTokenExchange, or give the audience that it names as the input 'audience'.",
    link: TRUST,
    marks: refused('700212'),
  },
  {
    id: 'sign-in-no-federated-credential',
    title: 'The application has no federated credential',
    shows: ['sign-in'],
    words: ["AADSTS70025: The client '…' has no configured federated identity credentials."],
    cause: "The application of 'client-id' trusts no workflow yet.",
    remedy: `Add a federated credential with issuer, subject and audience as presented:\n${ADD_CREDENTIAL}`,
    link: TRUST,
    marks: refused('70025'),
  },
  {
    id: 'sign-in-credential-mismatch',
    title: 'No federated credential matches this workflow',
    shows: ['sign-in'],
    words: ['AADSTS70021: No matching federated identity record found for presented assertion.'],
    cause: 'No federated credential of the application has issuer, subject and audience as presented.',
    remedy: `Compare the three with the line Presented above, and change the credential or add one:\n${ADD_CREDENTIAL}`,
    link: TRUST,
    marks: refused('70021'),
  },
  {
    id: 'sign-in-token-expired',
    title: "GitHub's ID token was not valid at Entra's time",
    shows: ['sign-in'],
    words: ['AADSTS700024: Client assertion is not within its valid time range.'],
    cause:
      'Entra ID found the ID token expired or not valid yet. The action asks GitHub for a fresh one each time, so that the clock of the runner is the first suspect.',
    remedy: 'Set the clock of the self-hosted runner right (NTP). On a runner of GitHub, run the job again.',
    link: CONSIDERATIONS,
    marks: refused('700024'),
  },
  {
    id: 'sign-in-application-not-found',
    title: 'The tenant has no such application',
    shows: ['sign-in'],
    words: ["AADSTS700016: Application with identifier '…' was not found in the directory '…'."],
    cause:
      "'client-id' and 'tenant-id' do not belong together, or the application has no service principal in the tenant.",
    remedy:
      "Check 'client-id' (the application ID, not the object ID) and 'tenant-id'. For an application without a service principal:\n  az ad sp create --id {application}",
    link: ERROR_CODES,
    marks: [
      { kind: 'sign-in', text: /\bAADSTS700016\b.*?identifier '(?<application>[\w-]+)'/ },
      ...refused('700016'),
    ],
  },
  {
    id: 'sign-in-application-disabled',
    title: 'The application is disabled',
    shows: ['sign-in'],
    words: ["AADSTS7000112: Application '…' is disabled."],
    cause: "An administrator has disabled the service principal of 'client-id' in this tenant.",
    remedy:
      'Let an administrator enable it (Enterprise applications, Properties, Enabled for users to sign-in):\n  az ad sp update --id {application} --set accountEnabled=true',
    link: `${ENTRA_ARTICLES}/error-code-aadsts7000112-application-is-disabled`,
    marks: [
      { kind: 'sign-in', text: /\bAADSTS7000112\b.*?Application '(?<application>[\w-]+)'/ },
      ...refused('7000112'),
    ],
  },
  {
    id: 'sign-in-blocked',
    title: 'A policy of the tenant blocks the sign-in',
    shows: ['sign-in'],
    words: [
      'AADSTS53003: Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.',
      'AADSTS530035: Access has been blocked by security defaults.',
    ],
    cause:
      "Entra ID knows the identity, but a Conditional Access policy for workload identities, or the tenant's security defaults, give it no token: by the network of the runner or by risk, as a rule.",
    remedy:
      "Ask an administrator for the sign-in log of the service principal, which names the policy. Let the policy allow the runner's network or leave the application out, or use a self-hosted runner in a network that is allowed.",
    link: `${ENTRA}/identity/conditional-access/workload-identity`,
    marks: refused('53003', '530032', '530035'),
  },
  {
    id: 'sign-in-resource-not-found',
    title: 'The tenant does not know Azure Resource Manager of this cloud',
    shows: ['sign-in'],
    words: ['AADSTS500011: The resource principal named … was not found in the tenant named ….'],
    cause:
      'The tenant has no service principal for {resource}: the tenant belongs to another cloud, or is the wrong one.',
    remedy:
      "Check that 'environment' is the cloud of the tenant (AzureCloud, AzureUSGovernment or AzureChinaCloud), that 'tenant-id' is the tenant of the subscription, and 'resource-manager-endpoint' where it is given.",
    link: `${ENTRA_ARTICLES}/error-code-aadsts500011-resource-principal-not-found`,
    marks: [
      {
        kind: 'sign-in',
        text: /\bAADSTS500011\b.*?principal named (?<resource>\S+) was not found/,
      },
      ...refused('500011'),
    ],
  },
  {
    id: 'sign-in-tenant-not-found',
    title: 'The tenant was not found',
    shows: ['sign-in'],
    words: ["AADSTS90002: Tenant '…' not found.", 'Entra ID refused the sign-in. The tenant was not found.'],
    cause: "'tenant-id' is wrong, or belongs to another cloud than 'environment' says.",
    remedy:
      "Check 'tenant-id' and 'environment'. The tenant of a subscription is shown by:\n  az account show --subscription <subscription-id> --query tenantId",
    link: ERROR_CODES,
    marks: [
      ...refused('90002'),
      { kind: 'sign-in', text: /^Entra ID refused the sign-in\. The tenant was not found/ },
    ],
  },
  {
    id: 'sign-in-no-id-token',
    title: 'GitHub gave the job no ID token',
    shows: ['sign-in'],
    words: ['GitHub gives this job no ID token.', 'GitHub gave no ID token to sign in with: …'],
    cause:
      'The job lacks the permission to ask for an ID token, or it was started by a pull request from a fork or by Dependabot, which get none. Where a status or words of GitHub follow, its service refused.',
    remedy:
      'Add this to the job or to the workflow; a reusable workflow needs the same in the workflow that calls it:\n  permissions:\n    id-token: write\n    contents: read\nWhere GitHub itself failed, run the job again.',
    link: GITHUB_OIDC,
    marks: [{ kind: 'sign-in', text: /^GitHub (?:gives this job|gave) no ID token/ }],
  },
  {
    id: 'not-signed-in',
    title: 'The runner is not signed in to Azure',
    shows: ['sign-in'],
    words: ['No client-id was given and the runner is not signed in to Azure.'],
    cause:
      "Without 'client-id' the action takes what the runner is signed in to, and there is neither a session of the Azure CLI nor a managed identity.",
    remedy:
      "Give 'client-id', 'tenant-id' and 'subscription-id' of an application with a federated credential, or put a login step (azure/login) before this one. An input that reads an empty variable counts as not given.",
    link: GITHUB_OIDC,
    marks: [{ kind: 'sign-in', text: /^No client-id was given and the runner is not signed in to Azure/ }],
  },
  {
    id: 'sign-in-failed',
    title: 'Signing in to Azure failed',
    shows: ['sign-in'],
    words: ['Signing in to Azure failed: …'],
    cause: 'Entra ID refused the sign-in for the reason in its words, or could not be reached.',
    remedy:
      'Look up a code AADSTS… in the list below, and check the inputs for signing in. Where no code is given, check the way of a self-hosted runner to Entra ID (proxy, firewall, DNS), and run the job again.',
    link: ERROR_CODES,
    marks: [{ kind: 'sign-in' }],
  },
]
