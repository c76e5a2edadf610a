// One role of one identity, on the group or on one thing in it.

@description('group, account, container, gallery or network.')
param on string

param principalId string
param roleDefinitionId string
param storageAccountName string
param galleryName string
param networkName string

var assigned = {
  principalId: principalId
  // Said, so that an identity of a moment ago is not looked for where it has not arrived yet.
  principalType: 'ServicePrincipal'
  roleDefinitionId: roleDefinitionId
}

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' existing = {
  parent: account
  name: 'default'
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' existing = {
  parent: blobs
  name: 'imagebuilder-vststask'
}

resource gallery 'Microsoft.Compute/galleries@2023-07-03' existing = {
  name: galleryName
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: networkName
}

resource onGroup 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (on == 'group') {
  name: guid(resourceGroup().id, roleDefinitionId, principalId)
  properties: assigned
}

resource onAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (on == 'account') {
  scope: account
  name: guid(account.id, roleDefinitionId, principalId)
  properties: assigned
}

resource onContainer 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (on == 'container') {
  scope: container
  name: guid(container.id, roleDefinitionId, principalId)
  properties: assigned
}

resource onGallery 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (on == 'gallery') {
  scope: gallery
  name: guid(gallery.id, roleDefinitionId, principalId)
  properties: assigned
}

resource onNetwork 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (on == 'network') {
  scope: network
  name: guid(network.id, roleDefinitionId, principalId)
  properties: assigned
}
