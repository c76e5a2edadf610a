// One role of one identity on the whole subscription: what is in no resource group.
targetScope = 'subscription'

param principalId string
param roleDefinitionId string

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, roleDefinitionId, principalId)
  properties: {
    principalId: principalId
    // Said, so that an identity of a moment ago is not looked for where it has not arrived yet.
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleDefinitionId
  }
}
