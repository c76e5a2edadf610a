// A virtual network for private builds: one subnet for the build VM, one for Image Builder's container.
// With both, no proxy VM and no public IP address takes part; what goes out goes through the NAT gateway.

param location string
param name string
param prefix string
param buildPrefix string
param containerPrefix string

// Its default rules let the subnets talk to each other, and nobody in from outside.
resource rules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: '${name}-nsg'
  location: location
}

resource address 'Microsoft.Network/publicIPAddresses@2024-05-01' = {
  name: '${name}-ip'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/natGateways@2024-05-01' = {
  name: '${name}-nat'
  location: location
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

// The subnets stand in the network: a network that is deployed without them loses them.
resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  properties: {
    addressSpace: { addressPrefixes: [prefix] }
    subnets: [
      {
        name: 'build'
        properties: {
          addressPrefix: buildPrefix
          natGateway: { id: gateway.id }
          networkSecurityGroup: { id: rules.id }
          serviceEndpoints: [{ service: 'Microsoft.Storage' }]
        }
      }
      {
        name: 'containers'
        properties: {
          addressPrefix: containerPrefix
          natGateway: { id: gateway.id }
          delegations: [
            {
              name: 'container-groups'
              properties: { serviceName: 'Microsoft.ContainerInstance/containerGroups' }
            }
          ]
        }
      }
    ]
  }
}

output buildSubnetId string = '${network.id}/subnets/build'
output containerSubnetId string = '${network.id}/subnets/containers'
