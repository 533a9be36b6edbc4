/** What stands in place of a personal text for readers without `pii:read`. */
export const MASKED_TEXT = '[masked]'
