/**
 * What Image Builder refuses about a template by its body alone, in the order JSON form, values, rules across
 * fields. Pure. Every refusal is a 400 (its code `ValidationFailed` is documented for values, assumed for form).
 */
import type {
  Distributor,
  ImageTemplate,
  PowerShellStep,
  ShellStep,
  TemplateBody,
  TemplateProperties,
  Validator,
  VmProfile,
  Workload,
} from './image-template.ts'
import { NAME, TEMPLATE, TEMPLATE_UPDATE } from './template-fields.ts'
import { badValue, first, invalid, missingField, unreadable, type Place } from './template-walk.ts'

/** A place and what stands there that is wrong; `undefined` where something is missing. */
interface Violation {
  place: Place
  value: unknown
}

/** Why the service refuses a PUT of this body under this name, or undefined when it accepts it. */
export function templateRefusal(name: string, body: unknown, apiVersion: string): string | undefined {
  if (!NAME.test(name)) return badValue(['name'], name)
  const misformed = unreadable(body, TEMPLATE, apiVersion) ?? invalid(body, TEMPLATE)
  if (misformed !== undefined) return misformed
  const { identity, properties } = body as TemplateBody
  return inWords(first([() => identityRule(identity), ...propertyRules(properties)], (rule) => rule()))
}

/** Body of a PATCH that the rules have passed. */
export interface UpdateBody {
  tags?: Record<string, string>
  identity?: TemplateBody['identity']
  properties?: { distribute?: Distributor[]; vmProfile?: VmProfile }
}

/** The same for a PATCH of a template that exists. */
export function updateRefusal(body: unknown, current: ImageTemplate, apiVersion: string): string | undefined {
  const misformed = unreadable(body, TEMPLATE_UPDATE, apiVersion) ?? invalid(body, TEMPLATE_UPDATE)
  if (misformed !== undefined) return misformed
  const { identity, properties } = body as UpdateBody
  const { distribute = current.properties.distribute, vmProfile } = properties ?? {}
  const dropped = current.properties.distribute.find(
    ({ runOutputName }) => !distribute.some((target) => target.runOutputName === runOutputName),
  )
  // Text: documented.
  if (dropped)
    return (
      `Validation failed: Distribute target with Runoutput name ${dropped.runOutputName} not found in the update ` +
      'request. Deleting a distribution target is not allowed.'
    )
  const updated = { ...current.properties, distribute, ...(vmProfile && { vmProfile }) }
  const rules = [() => identity && identityRule(identity), ...propertyRules(updated)]
  return inWords(first(rules, (rule) => rule()))
}

/** Places of a body that must hold full resource IDs, with what they hold. Takes any JSON. */
export function linkedIds(body: unknown): { path: string; id: string }[] {
  const identity = at(at(body, 'identity'), 'userAssignedIdentities')
  const vmProfile = at(at(body, 'properties'), 'vmProfile')
  const vnet = at(vmProfile, 'vnetConfig')
  const buildVmIdentities = at(vmProfile, 'userAssignedIdentities')
  return [
    ...Object.keys(Object(identity) as object).map((id) => ({ path: 'identity.userAssignedIdentities', id })),
    ...(Array.isArray(buildVmIdentities) ? buildVmIdentities : []).map((id: unknown, i) => ({
      path: `properties.vmProfile.userAssignedIdentities[${i}]`,
      id,
    })),
    ...['subnetId', 'containerInstanceSubnetId'].map((name) => ({
      path: `properties.vmProfile.vnetConfig.${name}`,
      id: at(vnet, name),
    })),
  ].filter((link): link is { path: string; id: string } => typeof link.id === 'string')
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
}

function inWords(violation: Violation | undefined): string | undefined {
  if (!violation) return undefined
  return violation.value === undefined
    ? missingField(violation.place)
    : badValue(violation.place, violation.value)
}

type Rule = () => Violation | undefined

/** One template has one identity (documented); without any: the text of a missing field. */
function identityRule(identity: TemplateBody['identity']): Violation | undefined {
  const count = Object.keys(Object(identity.userAssignedIdentities) as object).length
  if (identity.type !== 'UserAssigned' || count === 0) return { place: ['identity'], value: undefined }
  return count > 1 ? { place: ['identity', 'userAssignedIdentities'], value: '' } : undefined
}

function propertyRules(
  properties: Omit<TemplateProperties, 'provisioningState' | 'exactStagingResourceGroup'>,
): Rule[] {
  const { source, customize = [], validate = {}, distribute, vmProfile, optimize } = properties
  return [
    ...customize.map(
      (step, i): Rule =>
        () =>
          stepRule(step, ['properties', 'customize', i]),
    ),
    ...(validate.inVMValidations ?? []).map(
      (step, i): Rule =>
        () =>
          stepRule(step, ['properties', 'validate', 'inVMValidations', i]),
    ),
    () => distributorCount(distribute, validate.sourceValidationOnly === true),
    ...distribute.map(
      (target, i): Rule =>
        () =>
          targetRule(target, ['properties', 'distribute', i], source.type),
    ),
    () => uniqueRunOutputs(distribute),
    () => vnetRule(vmProfile?.vnetConfig),
    () => workloadRule(optimize?.workload),
  ]
}

function stepRule(step: { type: string }, place: Place): Violation | undefined {
  return step.type === 'Shell' || step.type === 'PowerShell'
    ? scriptRule(step as ShellStep | PowerShellStep, place)
    : undefined
}

/** A script is inline or at a URL; a checksum goes with the URL; `runAsSystem` needs `runElevated` (documented). */
function scriptRule(step: Exclude<Validator, { type: 'File' }>, place: Place): Violation | undefined {
  const { inline = [], scriptUri, sha256Checksum } = step
  if (inline.length === 0 && scriptUri === undefined) return { place: [...place, 'inline'], value: undefined }
  if (inline.length > 0 && scriptUri !== undefined)
    return { place: [...place, 'scriptUri'], value: scriptUri }
  if (sha256Checksum !== undefined && scriptUri === undefined)
    return { place: [...place, 'sha256Checksum'], value: sha256Checksum }
  if (step.type === 'PowerShell' && step.runAsSystem && !step.runElevated)
    return { place: [...place, 'runAsSystem'], value: true }
  return undefined
}

/** A template that only validates its source may have no distributor (assumed). */
function distributorCount(distribute: Distributor[], validationOnly: boolean): Violation | undefined {
  return distribute.length === 0 && !validationOnly
    ? { place: ['properties', 'distribute'], value: '' }
    : undefined
}

function targetRule(target: Distributor, place: Place, sourceType: string): Violation | undefined {
  if (target.type !== 'SharedImage') return undefined
  const { replicationRegions = [], targetRegions = [], storageAccountType, versioning } = target
  if (replicationRegions.length > 0 && targetRegions.length > 0)
    return { place: [...place, 'replicationRegions'], value: replicationRegions.join(',') }
  if (storageAccountType !== undefined && replicationRegions.length === 0)
    return { place: [...place, 'storageAccountType'], value: storageAccountType }
  // A managed image has no version to derive one from (assumed).
  if (versioning?.scheme === 'Source' && sourceType === 'ManagedImage')
    return { place: [...place, 'versioning', 'scheme'], value: versioning.scheme }
  return undefined
}

function uniqueRunOutputs(distribute: Distributor[]): Violation | undefined {
  const names = distribute.map((target) => target.runOutputName)
  const twice = names.findIndex((name, i) => names.indexOf(name) < i)
  return twice < 0
    ? undefined
    : { place: ['properties', 'distribute', twice, 'runOutputName'], value: names[twice] }
}

/**
 * Documented: the container subnet needs `subnetId`, another one of the same network, and excludes a proxy VM. How
 * the two subnets' relation is worded is assumed.
 */
function vnetRule(vnet: VmProfile['vnetConfig'] = {}): Violation | undefined {
  const place = ['properties', 'vmProfile', 'vnetConfig']
  if (!vnet.containerInstanceSubnetId) return undefined
  if (!vnet.subnetId) return { place: [...place, 'subnetId'], value: undefined }
  if (vnet.proxyVmSize) return { place: [...place, 'proxyVmSize'], value: vnet.proxyVmSize }
  const [own, other] = [vnet.containerInstanceSubnetId, vnet.subnetId].map((id) => id.toLowerCase())
  const isSibling = own !== other && networkOf(own) === networkOf(other)
  return isSibling
    ? undefined
    : { place: [...place, 'containerInstanceSubnetId'], value: vnet.containerInstanceSubnetId }
}

function networkOf(subnetId = ''): string {
  return subnetId.replace(/\/subnets\/[^/]+$/, '')
}

/** A workload that is optimized for needs its script (assumed), and a checksum the script that it is of. */
function workloadRule(workload: Workload = {}): Violation | undefined {
  const place = ['properties', 'optimize', 'workload']
  if (workload.scriptUri !== undefined) return undefined
  if (workload.state === 'Enabled') return { place: [...place, 'scriptUri'], value: undefined }
  return workload.sha256Checksum === undefined
    ? undefined
    : { place: [...place, 'sha256Checksum'], value: workload.sha256Checksum }
}
