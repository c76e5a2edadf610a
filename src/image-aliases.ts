/**
 * Short names of marketplace images, as `az vm image list` and `az vm create --image` know them.
 *
 * Sources, read in November 2026: `arm-compute/quickstart-templates/aliases.json` of Azure/azure-rest-api-specs, which
 * Azure CLI downloads, and `vm/_alias.py` of Azure/azure-cli, which it falls back on. An alias stands here when either
 * has it. Of the first file a copy from before May 2026 could be read, and of its Windows part none; the Windows
 * aliases are those of the second. Not confirmed: that `Win2025Datacenter` is in Azure's list (public scripts use it
 * with `az vm create`), and that every image is still offered: CentOS, openSUSE Leap 15.4, SLES 15 SP3 and Windows
 * Server 2012 are past their support, and the look-up of the version says so when one is gone.
 *
 * Aliases without a version (`UbuntuLTS`, `Debian`, `RHEL` …) were removed from Azure CLI in 2023 and are left out.
 */

/** A marketplace image without its version. */
export interface AliasedImage {
  readonly publisher: string
  readonly offer: string
  readonly sku: string
}

/** Alias to `Publisher:Offer:Sku`: Linux first, then Windows, newest server first. */
const URNS: Record<string, string> = {
  AzureLinux4: 'microsoftazurelinux:azurelinux-4:4',
  AzureLinux4Arm64: 'microsoftazurelinux:azurelinux-4:4-arm64',
  AzureLinux4Gen1: 'microsoftazurelinux:azurelinux-4:4-gen1',
  CentOS85Gen2: 'OpenLogic:CentOS:8_5-gen2',
  Debian11: 'Debian:debian-11:11-backports-gen2',
  FlatcarLinuxFreeGen2: 'kinvolk:flatcar-container-linux-free:stable-gen2',
  OpenSuseLeap154Gen2: 'SUSE:openSUSE-leap-15-4:gen2',
  RHELRaw8LVMGen2: 'RedHat:RHEL:8-lvm-gen2',
  SuseSles15SP3: 'SUSE:sles-15-sp3:gen2',
  SuseSles15SP5: 'SUSE:sles-15-sp5:gen2',
  Ubuntu2204: 'Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2',
  Ubuntu2404: 'Canonical:ubuntu-24_04-lts:server',
  Ubuntu2404Pro: 'Canonical:ubuntu-24_04-lts:ubuntu-pro',

  Win2025Datacenter: 'MicrosoftWindowsServer:WindowsServer:2025-datacenter-g2',
  Win2022Datacenter: 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-g2',
  Win2022AzureEditionCore: 'MicrosoftWindowsServer:WindowsServer:2022-datacenter-azure-edition-core',
  Win2019Datacenter: 'MicrosoftWindowsServer:WindowsServer:2019-datacenter-gensecond',
  Win2016Datacenter: 'MicrosoftWindowsServer:WindowsServer:2016-datacenter-gensecond',
  Win2012R2Datacenter: 'MicrosoftWindowsServer:WindowsServer:2012-R2-Datacenter',
  Win2012Datacenter: 'MicrosoftWindowsServer:WindowsServer:2012-Datacenter',
}

/** Every alias, spelled as Azure spells it, with the image it stands for; frozen, as are its entries. */
export const IMAGE_ALIASES: Readonly<Record<string, AliasedImage>> = Object.freeze(
  Object.fromEntries(Object.entries(URNS).map(([alias, urn]) => [alias, Object.freeze(imageOf(urn))])),
)

const BY_LOWER_CASE = new Map(
  Object.entries(IMAGE_ALIASES).map(([alias, image]) => [alias.toLowerCase(), image]),
)

/**
 * The image that an alias stands for.
 * @param text an alias in any letter case, blanks around it allowed
 * @returns the image, its latest version meant; undefined when `text` is not an alias
 */
export function imageOfAlias(text: string): AliasedImage | undefined {
  return BY_LOWER_CASE.get(text.trim().toLowerCase())
}

function imageOf(urn: string): AliasedImage {
  const [publisher = '', offer = '', sku = ''] = urn.split(':')
  return { publisher, offer, sku }
}
