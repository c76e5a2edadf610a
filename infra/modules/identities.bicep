// The two identities of a build, and whom GitHub vouches for.

param location string
param deployerName string
param builderName string

@description('Federated credentials of the deploying identity: 20 at most.')
@maxLength(20)
param subjects { name: string, subject: string }[]

@description('The workflow signs in as this one.')
resource deployer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: deployerName
  location: location
}

@description('Image Builder works as this one. Nobody can sign in as it.')
resource builder 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: builderName
  location: location
}

// One after the other: Azure refuses two at once of one identity
// (ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity).
@batchSize(1)
resource credentials 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [
  for one in subjects: {
    parent: deployer
    name: one.name
    properties: {
      issuer: 'https://token.actions.githubusercontent.com'
      subject: one.subject
      audiences: ['api://AzureADTokenExchange']
    }
  }
]

output deployerClientId string = deployer.properties.clientId
output deployerPrincipalId string = deployer.properties.principalId
output builderPrincipalId string = builder.properties.principalId
