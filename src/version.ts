/** The action's own version, as tagged on templates and sent in the user agent; `package.json` says the same. */
export const VERSION = '1.0.0'
