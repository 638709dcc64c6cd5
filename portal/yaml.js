// Writes an object as YAML, for reading and copying.
// @ts-check
const bare = /^[A-Za-z_/]([\w./@ -]*[\w./@-])?$/,
  words = /^(true|false|null|yes|no|on|off|y|n)$/i;
function scalar(value, indent) {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (
    value.includes('\n') &&
    !/[^\n\x20-\x7e\u00a0-\ud7ff]/.test(value) &&
    !/^\s|\s\n/.test(value)
  ) {
    return `|${value.endsWith('\n') ? '' : '-'}\n${value
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line && indent + line)
      .join('\n')}`;
  }
  return bare.test(value) && !words.test(value) ? value : JSON.stringify(value);
}
/** @param {any} value @returns {string} */
export function yaml(value, indent = '') {
  if (Array.isArray(value))
    return value
      .map((item) => `${indent}- ${nested(item, `${indent}  `).replace(/^\n\s*/, '')}`)
      .join('\n');
  return Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .map(
      ([key, v]) =>
        `${indent}${scalar(key, indent)}:${nested(v, `${indent}  `).replace(/^(?!\n)/, ' ')}`,
    )
    .join('\n');
}
const nested = (value, indent) =>
  value && typeof value === 'object'
    ? Object.keys(value).length
      ? `\n${yaml(value, indent)}`
      : Array.isArray(value)
        ? '[]'
        : '{}'
    : scalar(value, indent);
