// All that a first build needs, in one deployment of the subscription; docs/setup.md tells how and why.
// The roles are those of docs/roles: their actions are written there and nowhere else.
targetScope = 'subscription'

metadata description = 'Identities, roles, storage account and gallery for aib-action, with least privilege.'

type subjectOfRepository = {
  @description('Name of the federated credential: letters, digits, - and _; it is unique in the identity.')
  name: string

  @description('Subject of the ID token, letter by letter, such as repo:octo-org/api:ref:refs/heads/main.')
  subject: string
}

type imageDefinition = {
  name: string
  osType: 'Linux' | 'Windows'

  @description('Default: V2. Generation and architecture must be those of the source image.')
  hyperVGeneration: ('V1' | 'V2')?

  @description('Default: x64.')
  architecture: ('x64' | 'Arm64')?

  @description('That of the source image, which asks for the same. Default: TrustedLaunchSupported; Standard for V1 or Arm64.')
  securityType: ('Standard' | 'TrustedLaunchSupported' | 'ConfidentialVmSupported' | 'TrustedLaunchAndConfidentialVmSupported')?

  @description('Further features, such as { name: \'IsHibernateSupported\', value: \'true\' }.')
  features: { name: string, value: string }[]?

  @description('Publisher, offer and SKU are unique in the gallery. Default: owner of the repository, name, system.')
  publisher: string?
  offer: string?
  sku: string?
}

// What it is for

@description('Repository whose workflows build, OWNER/NAME.')
param repository string

@description('What the subjects of its ID tokens begin with; repo:OWNER@OWNER_ID/NAME@REPO_ID in the immutable form.')
param subjectPrefix string = 'repo:${repository}'

@description('Branches whose workflows may sign in.')
param branches string[] = ['main']

@description('GitHub environments whose jobs may sign in. A job with an environment presents that, and no branch.')
param environments string[] = []

@description('Tags whose workflows may sign in, each by its full name.')
param gitTags string[] = []

@description('Whether workflows for pull requests may sign in: code that nobody has reviewed, of this repository.')
param pullRequests bool = false

@description('Subjects of further repositories, or of other claims.')
param otherSubjects subjectOfRepository[] = []

// Names

@description('Region of the group and of all in it; one where Image Builder is offered.')
param location string

param resourceGroupName string = 'rg-images'
param deployerIdentityName string = 'id-image-deployer'
param builderIdentityName string = 'id-image-builder'
param galleryName string = 'images'

@description('Image definitions that builds add versions to.')
@minLength(1)
param imageDefinitions imageDefinition[]

@description('Unique in all of Azure; 3 to 24 lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param storageAccountName string

@description('Appended to the names of the roles, which are unique in the tenant: for a second subscription of it.')
param roleNameSuffix string = ''

// The storage account

param storageSku string = 'Standard_LRS'

@description('Days after which an artifact that no build deleted goes.')
@minValue(1)
param artifactDays int = 7

@description('Public IPv4 addresses or ranges that may reach the account; none: all networks, with a right of course.')
param storageAllowedAddresses string[] = []

// Private builds

@description('Makes a virtual network for builds. Its NAT gateway costs money by the hour, used or not.')
param privateNetwork bool = false

param networkName string = 'vnet-images'
param networkPrefix string = '10.60.0.0/24'
param buildSubnetPrefix string = '10.60.0.0/25'
param containerSubnetPrefix string = '10.60.0.128/25'

// Rights that not every build needs

@description('Lets the deploying identity look its own rights up, which the doctor (org/aib-action/check) tells.')
param grantDoctor bool = true

@description('Lets it bless candidates (org/aib-action/promote).')
param grantPromotion bool = false

@description('Lets it read the log of a running build, and so of every container of the subscription.')
param grantLiveLog bool = true

@description('Lets it read the log afterwards, and so every blob of the subscription.')
param grantLog bool = false

@description('Lets it check more before a build, and compare for skip-unchanged.')
param grantChecks bool = true

@description('Lets it start from images of this gallery.')
param grantGallerySource bool = false

@description('Lets the managed identity read artifacts, for artifact-access: identity.')
param grantArtifactByIdentity bool = false

@description('Letters, digits, - and _ of a name, everything else as -: what a federated credential may be called.')
func plain(name string) string =>
  join(
    map(
      range(0, length(name)),
      i =>
        contains('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_', substring(name, i, 1))
          ? substring(name, i, 1)
          : '-'
    ),
    ''
  )

var subjects = concat(
  map(branches, branch => {
    name: take('branch-${plain(branch)}', 120)
    subject: '${subjectPrefix}:ref:refs/heads/${branch}'
  }),
  map(gitTags, tag => {
    name: take('tag-${plain(tag)}', 120)
    subject: '${subjectPrefix}:ref:refs/tags/${tag}'
  }),
  map(environments, environment => {
    name: take('environment-${plain(environment)}', 120)
    // GitHub encodes the colons of an environment's name.
    subject: '${subjectPrefix}:environment:${replace(environment, ':', '%3A')}'
  }),
  pullRequests ? [{ name: 'pull-request', subject: '${subjectPrefix}:pull_request' }] : [],
  otherSubjects
)

// Which role whom on what: the README's table. setup.sh has the same one.
var grants = [
  {
    role: 'deployer'
    definition: loadJsonContent('../docs/roles/deployer.json')
    to: 'deployer'
    on: 'group'
    wanted: true
  }
  {
    role: 'deployer-artifact'
    definition: loadJsonContent('../docs/roles/deployer-artifact.json')
    to: 'deployer'
    on: 'account'
    wanted: true
  }
  {
    role: 'deployer-source-marketplace'
    definition: loadJsonContent('../docs/roles/deployer-source-marketplace.json')
    to: 'deployer'
    on: 'subscription'
    wanted: true
  }
  {
    role: 'image-writer'
    definition: loadJsonContent('../docs/roles/image-writer.json')
    to: 'builder'
    on: 'group'
    wanted: true
  }
  {
    role: 'deployer-doctor'
    definition: loadJsonContent('../docs/roles/deployer-doctor.json')
    to: 'deployer'
    on: 'subscription'
    wanted: grantDoctor
  }
  {
    role: 'promoter'
    definition: loadJsonContent('../docs/roles/promoter.json')
    to: 'deployer'
    on: 'gallery'
    wanted: grantPromotion
  }
  {
    role: 'deployer-live-log'
    definition: loadJsonContent('../docs/roles/deployer-live-log.json')
    to: 'deployer'
    on: 'subscription'
    wanted: grantLiveLog
  }
  {
    role: 'deployer-log'
    definition: loadJsonContent('../docs/roles/deployer-log.json')
    to: 'deployer'
    on: 'subscription'
    wanted: grantLog
  }
  {
    role: 'deployer-checks'
    definition: loadJsonContent('../docs/roles/deployer-checks.json')
    to: 'deployer'
    on: 'subscription'
    wanted: grantChecks
  }
  {
    role: 'deployer-network-checks'
    definition: loadJsonContent('../docs/roles/deployer-network-checks.json')
    to: 'deployer'
    on: 'network'
    wanted: grantChecks && privateNetwork
  }
  {
    role: 'deployer-source-gallery'
    definition: loadJsonContent('../docs/roles/deployer-source-gallery.json')
    to: 'deployer'
    on: 'gallery'
    wanted: grantGallerySource
  }
  {
    role: 'image-writer-artifact'
    definition: loadJsonContent('../docs/roles/image-writer-artifact.json')
    to: 'builder'
    on: 'container'
    wanted: grantArtifactByIdentity
  }
  {
    role: 'image-writer-network'
    definition: loadJsonContent('../docs/roles/image-writer-network.json')
    to: 'builder'
    on: 'network'
    wanted: privateNetwork
  }
]
var wantedGrants = filter(grants, grant => grant.wanted)

resource group 'Microsoft.Resources/resourceGroups@2021-04-01' = {
  name: resourceGroupName
  location: location
}

module identities 'modules/identities.bicep' = {
  name: 'aib-identities'
  scope: group
  params: {
    location: location
    deployerName: deployerIdentityName
    builderName: builderIdentityName
    subjects: subjects
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'aib-network'
  scope: group
  params: {
    location: location
    name: networkName
    prefix: networkPrefix
    buildPrefix: buildSubnetPrefix
    containerPrefix: containerSubnetPrefix
  }
}

module storage 'modules/storage.bicep' = {
  name: 'aib-storage'
  scope: group
  params: {
    location: location
    name: storageAccountName
    sku: storageSku
    artifactDays: artifactDays
    allowedAddresses: storageAllowedAddresses
    allowedSubnetIds: privateNetwork ? [network!.outputs.buildSubnetId] : []
  }
}

module gallery 'modules/gallery.bicep' = {
  name: 'aib-gallery'
  scope: group
  params: {
    location: location
    name: galleryName
    publisher: split(repository, '/')[0]
    imageDefinitions: imageDefinitions
  }
}

// A name by guid(), so that a second deployment finds the roles of the first.
resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for grant in wantedGrants: {
    name: guid(subscription().id, '${grant.definition.Name}${roleNameSuffix}')
    properties: {
      roleName: '${grant.definition.Name}${roleNameSuffix}'
      type: 'CustomRole'
      description: grant.definition.Description
      assignableScopes: map(
        grant.definition.AssignableScopes,
        scope => replace(scope, 'SUBSCRIPTION_ID', subscription().subscriptionId)
      )
      permissions: [
        {
          actions: grant.definition.Actions
          notActions: grant.definition.NotActions
          dataActions: grant.definition.DataActions
          notDataActions: grant.definition.NotDataActions
        }
      ]
    }
  }
]

module subscriptionGrants 'modules/subscription-grant.bicep' = [
  for grant in filter(wantedGrants, one => one.on == 'subscription'): {
    name: 'aib-grant-${grant.role}'
    params: {
      principalId: grant.to == 'deployer'
        ? identities.outputs.deployerPrincipalId
        : identities.outputs.builderPrincipalId
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        guid(subscription().id, '${grant.definition.Name}${roleNameSuffix}')
      )
    }
    dependsOn: [roles]
  }
]

module groupGrants 'modules/group-grant.bicep' = [
  for grant in filter(wantedGrants, one => one.on != 'subscription'): {
    name: 'aib-grant-${grant.role}'
    scope: group
    params: {
      on: grant.on
      principalId: grant.to == 'deployer'
        ? identities.outputs.deployerPrincipalId
        : identities.outputs.builderPrincipalId
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        guid(subscription().id, '${grant.definition.Name}${roleNameSuffix}')
      )
      storageAccountName: storageAccountName
      galleryName: galleryName
      networkName: networkName
    }
    dependsOn: [roles, storage, gallery, network]
  }
]

// Variables of the repository

output clientId string = identities.outputs.deployerClientId
output tenantId string = subscription().tenantId
output subscriptionId string = subscription().subscriptionId

// Inputs of the build

output resourceGroup string = group.name
output location string = location
output managedIdentity string = builderIdentityName
output storageAccount string = storageAccountName
output galleryImageIds string[] = gallery.outputs.imageIds
output subnetId string = privateNetwork ? network!.outputs.buildSubnetId : ''
output containerInstanceSubnetId string = privateNetwork ? network!.outputs.containerSubnetId : ''
