/**
 * Resource Manager's refusals, status and text. Texts are recorded or reported from the live service; where one
 * is assumed, its function says so.
 */
import { ArmError } from '../arm.ts'
import type { ArmPath } from './paths.ts'
import type { Principal } from '../world.ts'

/** 401 with the challenge that Azure sends along (the header's form: recorded). */
export function unauthenticated(tenantId: string, code: string, message: string, reason = message): ArmError {
  const challenge =
    `Bearer authorization_uri="https://login.windows.net/${tenantId}", error="invalid_token", ` +
    `error_description="${reason}"`
  return new ArmError(401, code, message, { 'WWW-Authenticate': challenge })
}

/** Text: reported; the limit is documented. */
export function requestContentTooLarge(): ArmError {
  return new ArmError(
    413,
    'RequestContentTooLarge',
    'The request content size exceeds the maximum size of 4 MB.',
  )
}

export function missingApiVersion(): ArmError {
  return new ArmError(
    400,
    'MissingApiVersionParameter',
    'The api-version query parameter (?api-version=) is required for all requests.',
  )
}

/** Resource Manager's own types: subscriptions, groups, providers. */
export function invalidApiVersion(apiVersion: string, supported: string[]): ArmError {
  return new ArmError(
    400,
    'InvalidApiVersionParameter',
    `The api-version '${apiVersion}' is invalid. The supported versions are '${supported.join(',')}'.`,
  )
}

/** A regional type, asked for with another API version or in a region where it is not on offer. */
export function noRegisteredProvider(asked: {
  location: string
  apiVersion: string
  type: string
  apiVersions: string[]
  locations: string[]
}): ArmError {
  return new ArmError(
    400,
    'NoRegisteredProviderFound',
    `No registered resource provider found for location '${asked.location}' and API version ` +
      `'${asked.apiVersion}' for type '${asked.type}'. The supported api-versions are ` +
      `'${asked.apiVersions.join(', ')}'. The supported locations are '${asked.locations.join(', ')}'.`,
  )
}

/** A region where a type is not on offer. */
export function locationNotAvailable(location: string, type: string, regions: string[]): ArmError {
  return new ArmError(
    400,
    'LocationNotAvailableForResourceType',
    `The provided location '${location}' is not available for resource type '${type}'. List of available regions for ` +
      `the resource type is '${regions.join(',')}'.`,
  )
}

/** A type that the namespace does not have; with `supported`: that it has in other API versions alone. */
export function invalidResourceType(
  path: { type: string; namespace: string },
  apiVersion: string,
  supported?: string[],
): ArmError {
  const message = supported
    ? `The resource type '${path.type}' could not be found in the namespace '${path.namespace}' for api version ` +
      `'${apiVersion}'. The supported api-versions are '${supported.join(',')}'.`
    : `The resource type could not be found in the namespace '${path.namespace}' for api version '${apiVersion}'.`
  return new ArmError(404, 'InvalidResourceType', message)
}

export function invalidResourceNamespace(namespace: string): ArmError {
  return new ArmError(404, 'InvalidResourceNamespace', `The resource namespace '${namespace}' is invalid.`)
}

/** A path outside every provider that Resource Manager does not know (text: assumed). */
export function invalidUrl(url: string): ArmError {
  return new ArmError(404, 'HttpResourceNotFound', `The request url '${url}' is invalid.`)
}

export function invalidSubscriptionId(subscription: string): ArmError {
  return new ArmError(
    400,
    'InvalidSubscriptionId',
    `The provided subscription identifier '${subscription}' is malformed or invalid.`,
  )
}

export function subscriptionNotFound(subscription: string): ArmError {
  return new ArmError(404, 'SubscriptionNotFound', `The subscription '${subscription}' could not be found.`)
}

export function notRegistered(namespace: string): ArmError {
  return new ArmError(
    409,
    'MissingSubscriptionRegistration',
    `The subscription is not registered to use namespace '${namespace}'. See https://aka.ms/rps-not-found for ` +
      'how to register subscriptions.',
  )
}

export function authorizationFailed(principal: Principal, action: string, scope: string): ArmError {
  return new ArmError(
    403,
    'AuthorizationFailed',
    `The client '${principal.clientId}' with object id '${principal.objectId}' does not have authorization to ` +
      `perform action '${action}' over scope '${scope}' or the scope is invalid. If access was recently granted, ` +
      'please refresh your credentials.',
  )
}

export function resourceGroupNotFound(group: string): ArmError {
  return new ArmError(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`)
}

export function resourceGroupBeingDeleted(group: string): ArmError {
  return new ArmError(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${group}' is in deprovisioning state and cannot perform this operation.`,
  )
}

export function resourceNotFound(path: ArmPath): ArmError {
  return new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${path.namespace ?? ''}/${path.typesAndNames}' under resource group '${path.resourceGroup ?? ''}' was not ` +
      'found. For more details please go to https://aka.ms/ARMResourceNotFoundFix',
  )
}

/** For lists below a resource that does not exist (text: reported for other types). */
export function parentNotFound(path: ArmPath, parent: string): ArmError {
  return new ArmError(
    404,
    'ParentResourceNotFound',
    `Failed to perform 'read' on resource(s) of type '${path.type}', because the parent resource '${parent}' ` +
      'could not be found.',
  )
}

/** Text: reported, its inner part depends on the content. */
export function invalidRequestContent(reason: string): ArmError {
  return new ArmError(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: '${reason}'.`,
  )
}
