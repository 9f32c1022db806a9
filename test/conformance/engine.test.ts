import { engineUnderTest, builtInEngines } from '../engines/engine-under-test.ts';
import { testEngine } from './engine.ts';

/** PARLEY_ENGINE=./my-engine.ts judges that one instead of ours; `npm run conformance -- ./my-engine.ts` sets it. */
const wanted = process.env['PARLEY_ENGINE'];

for (const name of wanted === undefined ? builtInEngines : [wanted]) {
  testEngine(await engineUnderTest(name), { seeds: wanted === undefined ? 20 : 60 });
}

if (wanted === undefined) {
  const { factory, testing } = await engineUnderTest('poa');
  const onDemand = {
    ...testing,
    params: { blockTimeMs: 0 },
    badParams: [],
    stormParams: () => ({ blockTimeMs: 0, checkpointBlocks: 2 }),
  };
  testEngine({ name: 'poa, blocks on demand', factory, testing: onDemand }, { seeds: 20 });
}
