import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ways in which a secret could have been written down by somebody who did not mean to: as it is, and as logs and JSON show bytes. */
export function formsOf(secret: Buffer): readonly Buffer[] {
  const texts = [
    secret.toString('hex'),
    secret.toString('hex').toUpperCase(),
    secret.toString('base64').replace(/=+$/, ''),
    secret.toString('base64url'),
    [...secret].join(','),
    [...secret].map((byte, i) => `"${i}":${byte}`).join(','),
    JSON.stringify(secret.toString('utf8')).slice(1, -1),
  ];
  return [secret, Buffer.from(secret.toString('utf8'), 'utf16le'), ...texts.map((text) => Buffer.from(text))];
}

/** Whether any of the secrets is in there, in any form. */
export function holds(content: Buffer, secrets: readonly Buffer[]): boolean {
  return secrets.some((secret) => formsOf(secret).some((form) => content.includes(form)));
}

/** Every regular file under a directory, links not followed. */
export function filesUnder(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((path) => join(directory, path))
    .filter((path) => lstatSync(path).isFile());
}

/** Files under a directory that hold one of the secrets. */
export function filesHolding(directory: string, secrets: readonly Buffer[]): readonly string[] {
  return filesUnder(directory).filter((path) => holds(readFileSync(path), secrets));
}
