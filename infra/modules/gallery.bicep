// The gallery, and the definitions that builds add versions to.

param location string
param name string

@description('Publisher of the definitions that name none.')
param publisher string

param imageDefinitions {
  name: string
  osType: 'Linux' | 'Windows'
  hyperVGeneration: ('V1' | 'V2')?
  architecture: ('x64' | 'Arm64')?
  securityType: string?
  features: { name: string, value: string }[]?
  publisher: string?
  offer: string?
  sku: string?
}[]

@description('Security type of a definition that names none: that of most images in the marketplace.')
func usualSecurity(generation string, architecture string) string =>
  generation == 'V2' && architecture == 'x64' ? 'TrustedLaunchSupported' : 'Standard'

resource gallery 'Microsoft.Compute/galleries@2023-07-03' = {
  name: name
  location: location
}

// What a definition does not say is said here.
var definitions = map(imageDefinitions, image => {
  name: image.name
  osType: image.osType
  generation: image.?hyperVGeneration ?? 'V2'
  architecture: image.?architecture ?? 'x64'
  security: image.?securityType ?? usualSecurity(image.?hyperVGeneration ?? 'V2', image.?architecture ?? 'x64')
  features: image.?features ?? []
  identifier: {
    publisher: image.?publisher ?? publisher
    offer: image.?offer ?? image.name
    sku: image.?sku ?? toLower(image.osType)
  }
})

resource images 'Microsoft.Compute/galleries/images@2023-07-03' = [
  for image in definitions: {
    parent: gallery
    name: image.name
    location: location
    properties: {
      osType: image.osType
      osState: 'Generalized'
      hyperVGeneration: image.generation
      architecture: image.architecture
      identifier: image.identifier
      // Standard is what a definition without the feature is.
      features: concat(
        image.security == 'Standard' ? [] : [{ name: 'SecurityType', value: image.security }],
        image.features
      )
    }
  }
]

output imageIds string[] = [for (image, i) in definitions: images[i].id]
