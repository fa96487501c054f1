// Runs a TensorFlow.js graph model on raw float32 inputs, for tools/golden/record.py.
// node tfjs_run.mjs MODEL.json BACKEND OUT_DIR SHAPE INPUT.bin...
// SHAPE: "1,192,192,3"; an input of integers is converted from the floats.
// Writes OUT_DIR/<k>_<output>.bin (float32, row-major) for input k, and OUT_DIR/outputs.json with names and shapes.
import fs from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';

const [modelPath, backend, outDir, shapeText, ...inputs] = process.argv.slice(2);

/** Reads model.json and its shards from disk: TF.js itself fetches by URL only. */
function fileHandler(modelJson) {
  return {
    load: async () => {
      const model = JSON.parse(fs.readFileSync(modelJson, 'utf8'));
      const folder = path.dirname(modelJson);
      const shards = model.weightsManifest.flatMap((group) => group.paths);
      const bytes = Buffer.concat(shards.map((name) => fs.readFileSync(path.join(folder, name))));
      return {
        modelTopology: model.modelTopology,
        weightSpecs: model.weightsManifest.flatMap((group) => group.weights),
        weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
        format: model.format,
        signature: model.signature,
        userDefinedMetadata: model.userDefinedMetadata,
      };
    },
  };
}

await tf.setBackend(backend);
await tf.ready();
const model = await loadGraphModel(fileHandler(modelPath));
const shape = shapeText.split(',').map(Number);
const integers = model.inputs[0].dtype !== 'float32';
const described = [];
for (const [k, file] of inputs.entries()) {
  const raw = fs.readFileSync(file);
  const values = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const input = integers ? tf.tensor(Int32Array.from(values), shape, 'int32') : tf.tensor(values, shape, 'float32');
  const names = model.outputNodes;
  let results;
  try {
    results = model.execute(input, names);
  } catch {  // control flow and data-dependent shapes
    results = await model.executeAsync(input, names);
  }
  if (!Array.isArray(results)) results = [results];
  for (const [i, result] of results.entries()) {
    // A signature may call an output otherwise than the node that computes it.
    const name = (model.modelSignature?.outputs?.[names[i]]?.name ?? names[i]).replace(/:0$/, '');
    fs.writeFileSync(path.join(outDir, `${k}_${name.replace(/[^A-Za-z0-9_.-]/g, '_')}.bin`),
      Buffer.from(new Float32Array(await result.data()).buffer));
    if (k === 0) described.push({ name, shape: result.shape });
    result.dispose();
  }
  input.dispose();
}
fs.writeFileSync(path.join(outDir, 'outputs.json'),
  JSON.stringify({ version: tf.version_core, backend: tf.getBackend(), outputs: described }));
