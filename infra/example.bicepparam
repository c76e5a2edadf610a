// Copy it, fill it in, and deploy it as docs/setup.md tells.
using './main.bicep'

param repository = 'octo-org/webapp'
param environments = ['production']

param location = 'eastus'
param storageAccountName = 'stcontosobuild' // unique in all of Azure
param galleryName = 'contoso'
param imageDefinitions = [
  { name: 'webapp', osType: 'Linux' }
  { name: 'webapp-arm', osType: 'Linux', architecture: 'Arm64' }
  { name: 'desktop', osType: 'Windows' }
]
