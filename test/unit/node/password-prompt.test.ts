import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { PasswordPrompt } from '../../../src/node/password-prompt.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A terminal that can be typed into, and all that was shown on it. */
function terminal(isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} });
  let shown = '';
  const output = new PassThrough();
  output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
  return {
    prompt: new PasswordPrompt({ input, output }),
    type: (text: string) => input.write(text),
    shown: () => shown,
  };
}

describe('a password', () => {
  it('is asked for, and not shown', async () => {
    const { prompt, type, shown } = terminal();
    const asked = prompt.existing(undefined, '--password-file', 'password of 0x12');
    type('sesame\r');
    expect(await asked).toBe('sesame');
    prompt.close();
    expect(shown()).toBe('password of 0x12: \n');
  });

  it('can be corrected while it is typed, and be anything', async () => {
    const { prompt, type } = terminal();
    const asked = prompt.existing(undefined, '--password-file', 'password');
    type('пароль x\u007f\u007f密\r');
    expect(await asked).toBe('пароль密');
    prompt.close();
  });

  it('that is new is asked for twice, also when both are typed ahead', async () => {
    const { prompt, type, shown } = terminal();
    const asked = prompt.chosen(undefined, '--password-file', 'new password');
    type('sesame\rsesame\r');
    expect(await asked).toBe('sesame');
    prompt.close();
    expect(shown()).toBe('new password: \nthe same again: \n');
    const other = terminal();
    const differing = other.prompt.chosen(undefined, '--password-file', 'new password');
    other.type('sesame\rSesame\r');
    await expect(differing).rejects.toThrow(/differ; nothing was written/);
    other.prompt.close();
  });

  it.each([
    ['interrupted', '\u0003'],
    ['at its end', '\u0004'],
  ])('is not waited for at a terminal that is %s', async (_, key) => {
    const { prompt, type } = terminal();
    const asked = prompt.existing(undefined, '--password-file', 'password');
    type(key);
    await expect(asked).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('is read from a file that is named, less the end of the line', async () => {
    const file = join(root, 'password');
    writeFileSync(file, ' with spaces \r\n');
    const { prompt, shown } = terminal(false);
    expect(await prompt.existing(file, '--password-file', 'password')).toBe(' with spaces ');
    expect(await prompt.chosen(file, '--password-file', 'password')).toBe(' with spaces ');
    expect(shown()).toBe('');
    await expect(prompt.existing(join(root, 'absent'), '--password-file', 'password')).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/cannot read the password file .*absent: ENOENT/),
    });
  });

  it('is asked of nobody where there is no terminal', async () => {
    const { prompt } = terminal(false);
    for (const asked of [
      prompt.existing(undefined, '--password-file', 'password'),
      prompt.chosen(undefined, '--new-password-file', 'password'),
    ]) {
      await expect(asked).rejects.toMatchObject({
        code: 'CONFIG',
        message: expect.stringMatching(/name a file with --/),
      });
    }
  });
});
