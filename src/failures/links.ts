/** Pages of the public documentation that several failures share. An anchor is a heading of that page. */

const LEARN = 'https://learn.microsoft.com'

/** The troubleshooting guide of Image Builder. */
export const GUIDE = `${LEARN}/azure/virtual-machines/linux/image-builder-troubleshoot`
/** The reference of the image template. */
export const TEMPLATE = `${LEARN}/azure/virtual-machines/linux/image-builder-json`
export const NETWORKING = `${LEARN}/azure/virtual-machines/linux/image-builder-networking`
export const MACHINES = `${LEARN}/azure/virtual-machines`
export const ARM_ERRORS = `${LEARN}/azure/azure-resource-manager/troubleshooting`
export const STORAGE = `${LEARN}/azure/storage`
export const STORAGE_REST = `${LEARN}/rest/api/storageservices`
export const RBAC = `${LEARN}/azure/role-based-access-control/troubleshooting`
export const ENTRA = `${LEARN}/entra`
export const ENTRA_ARTICLES = `${LEARN}/troubleshoot/entra/entra-id/app-integration`
export const GITHUB = 'https://docs.github.com/actions'
