/** Gallery image versions as a promotion sees them. */
import type { SeenRegion, SeenVersion } from '../../src/promotion/candidate.ts'
import type { PromoteRequest } from '../../src/promotion/promote-inputs.ts'
import { cloud } from '../../src/azure/cloud.ts'
import { DEFINITION_ID, workflowRun } from './factories.ts'

export const RUNS = 'https://github.com/contoso/web-app/actions/runs/'
export const CANDIDATE_TAGS = {
  repository: 'contoso/web-app',
  commit: '0123456789abcdef0123456789abcdef01234567',
  'workflow-run-url': `${RUNS}4000`,
  'build-key': 'abc',
  'image-status': 'candidate',
}
/** As a promotion leaves them. */
export const BLESSED_TAGS = { ...CANDIDATE_TAGS, 'image-status': 'blessed', 'previous-version': '1.0.0' }

/** A region with its replica. */
export function region(name: string, change: Partial<SeenRegion> = {}): SeenRegion {
  return {
    name,
    excludeFromLatest: false,
    state: 'Completed',
    progress: 100,
    body: { name, regionalReplicaCount: 1, storageAccountType: 'Standard_LRS' },
    ...change,
  }
}

/** A candidate that may be blessed: 1.1.0, in its own region alone. */
export function version(change: Partial<SeenVersion> = {}): SeenVersion {
  const name = change.name ?? '1.1.0'
  return {
    id: `${DEFINITION_ID}/versions/${name}`,
    name,
    location: 'westus2',
    tags: CANDIDATE_TAGS,
    provisioningState: 'Succeeded',
    excludeFromLatest: true,
    regions: [region('westus2')],
    ...change,
  }
}

/** To bless 1.1.0, whose tests passed. */
export function promoteRequest(change: Partial<PromoteRequest> = {}): PromoteRequest {
  const { repository, url: run } = workflowRun()
  return {
    signIn: { audience: '', cloud: cloud('AzureCloud') },
    operation: 'bless',
    imageVersionId: version().id,
    testsResult: 'success',
    regions: [],
    imageTags: {},
    pollIntervalSeconds: 10,
    repository,
    runs: RUNS,
    run,
    ...change,
  }
}
