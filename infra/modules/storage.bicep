// Where the artifact lies between upload and build: no keys, nothing public, nothing for long.

param location string
param name string
param sku string

@description('Days after which an artifact that no build deleted goes.')
param artifactDays int

@description('Public IPv4 addresses or ranges; with none, all networks may try.')
param allowedAddresses string[]

@description('Subnets that get in where only chosen addresses do.')
param allowedSubnetIds string[]

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: name
  location: location
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'None'
      defaultAction: empty(allowedAddresses) ? 'Allow' : 'Deny'
      ipRules: [for address in allowedAddresses: { value: address, action: 'Allow' }]
      virtualNetworkRules: [for id in empty(allowedAddresses) ? [] : allowedSubnetIds: { id: id, action: 'Allow' }]
    }
  }
}

// A deleted artifact is gone: it may hold what nobody should find later.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: false }
    containerDeleteRetentionPolicy: { enabled: false }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: 'imagebuilder-vststask'
  properties: { publicAccess: 'None' }
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'forgotten-artifacts'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${container.name}/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: artifactDays } } }
          }
        }
      ]
    }
  }
}
