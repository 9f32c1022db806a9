import { describe, expect, it } from 'vitest';
import { encodeJustification, verifyCertificate } from '../../../../consensus/pbft/certificate.ts';
import type { Certificate, Claim, NewView } from '../../../../consensus/pbft/messages.ts';
import { composeNewView, isCovered, newViewFault } from '../../../../consensus/pbft/new-view.ts';
import { fakeCrypto } from '../../../conformance/rig-parts.ts';
import { crypto, validator } from './net.ts';
import { certificate, commitBy, faultOf, HASH, HEIGHT, OTHER, primary, signatureOf, VALIDATORS } from './samples.ts';

describe('a justification', () => {
  const block = { number: HEIGHT, hash: HASH };
  const proofOf = (commits: Parameters<typeof encodeJustification>[1], view = 0) =>
    encodeJustification(view, commits) ?? new Uint8Array(0);
  const verify = (bytes: Uint8Array, validators = VALIDATORS) => verifyCertificate(validators, block, bytes, crypto);
  const forged = { ...commitBy(2), from: validator(3) };

  it('of a quorum proves the decision, in whatever view and order', () => {
    expect(verify(proofOf([commitBy(3), commitBy(0), commitBy(1)]))).toBeNull();
    expect(
      verify(
        proofOf(
          [0, 1, 2, 3].map((i) => commitBy(i, 5)),
          5,
        ),
      ),
    ).toBeNull();
  });

  it.each([
    ['too few', proofOf([commitBy(0), commitBy(1)]), 'POWER_TOO_LITTLE'],
    ['one signer twice', proofOf([commitBy(0), commitBy(1), commitBy(1)]), 'SIGNER_REPEATED'],
    ['a stranger', proofOf([commitBy(0), commitBy(1), commitBy(2), commitBy(8)]), 'SIGNER_UNKNOWN'],
    ['a forged signature', proofOf([commitBy(0), commitBy(1), forged]), 'SIGNATURE_FORGED'],
    ['commits of another view', proofOf([commitBy(0), commitBy(1), commitBy(2, 1)]), 'SIGNATURE_FORGED'],
    ['commits for another block', proofOf([0, 1, 2].map((i) => commitBy(i, 0, OTHER))), 'SIGNATURE_FORGED'],
    ['rubbish', Uint8Array.of(1, 2, 3), 'MALFORMED'],
    ['nothing', new Uint8Array(0), 'MALFORMED'],
    ['too many bytes', new Uint8Array(256 * 1024 + 1), 'TOO_LARGE'],
  ])('of %s proves nothing', (_, bytes, fault) => {
    expect(verify(bytes)).toBe(fault);
  });

  it('counts power, not heads, and nothing without validators', () => {
    const heavy = VALIDATORS.map((v, i) => ({ ...v, power: i === 0 ? 5n : 1n }));
    expect(verify(proofOf([commitBy(0), commitBy(1)]), heavy)).toBeNull();
    expect(verify(proofOf([commitBy(1), commitBy(2), commitBy(3)]), heavy)).toBe('POWER_TOO_LITTLE');
    expect(verify(proofOf([]), [])).toBe('POWER_TOO_LITTLE');
  });

  it('of another chain proves nothing', () => {
    const elsewhere = fakeCrypto({ chainId: 1, shard: 0, engineId: 'pbft' });
    const proof = proofOf([commitBy(0), commitBy(1), commitBy(2)]);
    expect(verifyCertificate(VALIDATORS, block, proof, elsewhere)).toBe('SIGNATURE_FORGED');
  });

  it('too large to travel is none', () => {
    const commits = Array.from({ length: 4000 }, (_, i) => ({
      from: `0x${i.toString(16).padStart(40, '0')}` as const,
      signature: new Uint8Array(65),
    }));
    expect(encodeJustification(0, commits)).toBeNull();
  });
});

describe('a prepared certificate', () => {
  it('has the primary and a quorum with it', () => {
    expect(faultOf(certificate([0, 1, 2]))).toBeNull();
    expect(faultOf(certificate([0, 2, 3], { view: 6, hash: HASH }))).toBeNull();
  });

  it.each([
    ['no word of the primary', certificate([1, 2, 3]), 'POWER_TOO_LITTLE'],
    ['too few', certificate([0, 1]), 'POWER_TOO_LITTLE'],
    ['a stranger', certificate([0, 1, 2, 9]), 'SIGNER_UNKNOWN'],
    ['another block than was signed', { ...certificate([0, 1, 2]), hash: OTHER }, 'SIGNATURE_FORGED'],
    ['another view with the same primary', { ...certificate([0, 1, 2]), view: 4 }, 'SIGNATURE_FORGED'],
  ])('with %s is none', (_, proof, fault) => {
    expect(faultOf(proof)).toBe(fault);
  });
});

describe('NEW-VIEW', () => {
  const place = { height: HEIGHT, view: 2 };
  const best = certificate([0, 1, 2]);
  const claim = { view: best.view, hash: best.hash };
  const change = (index: number, prepared: Claim | null = null, view = 2) => ({
    ...signatureOf(validator(index), { kind: 'view-change', height: HEIGHT, view, prepared }),
    prepared,
  });
  const fault = (newView: NewView) => newViewFault(VALIDATORS, newView, primary, crypto);
  const newView = (changes: NewView['changes'], proof: Certificate | null): NewView => ({
    kind: 'new-view',
    ...place,
    changes,
    certificate: proof,
  });

  it('is made of a quorum, the highest claims first', () => {
    expect(composeNewView(VALIDATORS, place, [change(0), change(1)], null)).toBeNull();
    const made = composeNewView(VALIDATORS, place, [change(0), change(1), change(2), change(3, claim)], best);
    expect(made?.changes.map(({ from }) => from)).toEqual([validator(0), validator(1), validator(3)]);
    expect(made === null ? '' : fault(made)).toBeNull();
  });

  it('may have a certificate above all claims, and claims below it that nobody can prove', () => {
    const high = certificate([0, 1, 3], { view: 1, hash: OTHER });
    expect(fault(newView([change(0), change(1, claim), change(3)], high))).toBeNull();
  });

  it.each([
    ['no proof', [], null, 'CHANGES_TOO_FEW'],
    ['too few', [change(0), change(1)], null, 'CHANGES_TOO_FEW'],
    ['a stranger', [change(0), change(1), change(2), change(9)], null, 'CHANGE_UNKNOWN'],
    ['changes to another view', [change(0), change(1), change(2, null, 1)], null, 'CHANGE_FORGED'],
    ['a claim left out', [change(0), change(1), { ...change(2, claim), prepared: null }], null, 'CHANGE_FORGED'],
    ['a claim without its certificate', [change(0), change(1), change(2, claim)], null, 'CLAIM_UNPROVEN'],
    [
      'a claim above the certificate',
      [change(0), change(1), change(2, { view: 1, hash: OTHER })],
      best,
      'CLAIM_UNPROVEN',
    ],
    ['another block in the claim', [change(0), change(1), change(2, { view: 0, hash: OTHER })], best, 'CLAIM_UNPROVEN'],
    [
      'a forged certificate',
      [change(0), change(1), change(2, claim)],
      { ...best, signers: certificate([0, 1, 2], { view: 0, hash: OTHER }).signers },
      'CERTIFICATE_FALSE',
    ],
    ['a certificate of too few', [change(0), change(1), change(2)], certificate([0, 1]), 'CERTIFICATE_FALSE'],
  ] as const)('with %s is refused', (_, changes, proof, code) => {
    expect(fault(newView(changes, proof))).toBe(code);
  });

  it('counts a claim when its certificate, or a higher one, is known', () => {
    expect(isCovered(null, null)).toBe(true);
    expect(isCovered(claim, null)).toBe(false);
    expect(isCovered(claim, best)).toBe(true);
    expect(isCovered({ ...claim, hash: OTHER }, best)).toBe(false);
    expect(isCovered({ ...claim, hash: OTHER }, { ...best, view: 1 })).toBe(true);
  });
});
