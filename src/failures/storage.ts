/** Answers of Blob Storage, by their codes. */
import type { Failure } from '../failures.ts'
import { STORAGE, STORAGE_REST } from './links.ts'

export const STORAGE_FAILURES: readonly Failure[] = [
  {
    id: 'missing-blob-role',
    title: 'The signed-in identity lacks the data role on the storage account',
    shows: ['storage'],
    words: [
      'AuthorizationPermissionMismatch: This request is not authorized to perform this operation using this permission.',
    ],
    cause:
      'It may neither do this by a role of its own, nor list the keys of the account. Owner and Contributor do not include the former. Blob Storage does not say which action is missing. To see and make the container takes Microsoft.Storage/storageAccounts/blobServices/containers/read and Microsoft.Storage/storageAccounts/blobServices/containers/write; to sign a URL, Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action for the whole account; to reach, upload and delete the blob, the data actions Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read, Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write and Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete.',
    remedy:
      "Give the signed-in identity the role 'Storage Blob Data Contributor' on the storage account, or Microsoft.Storage/storageAccounts/listkeys/action; a new assignment takes minutes to work:\n  az role assignment create --assignee <client-id> --role 'Storage Blob Data Contributor' --scope <ID of the storage account>",
    link: `${STORAGE}/blobs/assign-azure-role-data-access`,
    marks: [{ kind: 'azure', code: /^AuthorizationPermissionMismatch$/ }],
  },
  {
    id: 'upload-damaged',
    title: 'The build artifact arrived damaged',
    shows: ['storage'],
    words: [
      'Md5Mismatch: The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
    ],
    cause:
      'Blob Storage found that a block of the build artifact is not what was sent, four times in a row: something between runner and Azure changes the bytes.',
    remedy:
      'Run the job again. If it happens again on a self-hosted runner, look for a proxy that changes uploads, and test the memory of the machine.',
    link: `${STORAGE_REST}/blob-service-error-codes`,
    marks: [{ kind: 'azure', code: /^Md5Mismatch$/ }],
  },
  {
    id: 'storage-keys-disabled',
    title: 'The storage account refuses its keys',
    shows: ['storage'],
    words: [
      'KeyBasedAuthenticationNotPermitted: Key based authentication is not permitted on this storage account.',
    ],
    cause:
      'Shared key access is switched off for the account, and the signed-in identity has no data role on it.',
    remedy:
      "Give the signed-in identity the roles 'Storage Blob Data Contributor' and 'Storage Blob Delegator' on the storage account:\n  az role assignment create --assignee <client-id> --role 'Storage Blob Data Contributor' --scope <ID of the storage account>",
    link: `${STORAGE}/common/shared-key-authorization-prevent`,
    marks: [{ kind: 'azure', code: /^KeyBasedAuthenticationNotPermitted$/ }],
  },
  {
    id: 'storage-firewall',
    title: 'The firewall of the storage account keeps the runner out',
    shows: ['storage'],
    words: ['AuthorizationFailure: This request is not authorized to perform this operation.'],
    cause: "The storage account takes requests from chosen networks alone, and the runner's is none of them.",
    remedy:
      "Allow the runner's network, or use a self-hosted runner inside an allowed one. Image Builder has to reach the account as well:\n  az storage account network-rule add --account-name <storage-account> --ip-address <address of the runner>",
    link: `${STORAGE}/common/storage-network-security`,
    marks: [{ kind: 'azure', code: /^AuthorizationFailure$/ }],
  },
  {
    id: 'sas-expired',
    title: 'A signed URL has run out',
    shows: ['storage', 'submission'],
    words: [
      'AuthenticationFailed: … Signature not valid in the specified time frame: Start […] - Expiry […] - Current […]',
    ],
    cause: 'A shared access signature (SAS) was used after its end, or before its beginning.',
    remedy:
      "Sign the URL anew where it comes from 'customizers', 'distributors' or 'template-file'. The URLs that the action itself signs live longer than a build: there, the clock of the runner is the first suspect.",
    link: `${STORAGE_REST}/sas-error-codes`,
    marks: [{ kind: 'azure', text: /Signature not valid in the specified time frame/ }],
  },
]
