// Tokens a second of llama.cpp on a GGUF file, one thread, by llama.cpp's own clock, so that what Node adds does not count:
// `node writer.mjs FILE [PROMPT] [TOKENS] [ROUNDS]`. Prints one line of JSON, medians over the rounds, as
// `cargo bench --bench writer` does.
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [file, prompt = 256, tokens = 128, rounds = 5] = process.argv.slice(2);
let said = "";
const logger = (_level, message) => (said += message + "\n");
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1, logLevel: LlamaLogLevel.debug, logger });
const model = await llama.loadModel({ modelPath: file, gpuLayers: 0 });
const context = await model.createContext({ contextSize: 1024, batchSize: 512, threads: 1, performanceTracking: true });
const sequence = context.getSequence();
// Any tokens do: what they are does not change what a product costs.
const text = Array.from({ length: Number(prompt) }, (_, at) => (at * 7) % 251);

/** Milliseconds and tokens since the last call, of reading and of writing. */
async function clock() {
    said = "";
    await context.printTimings();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const of = (name) => said.match(new RegExp(`:\\s+${name} time =\\s+([\\d.]+) ms /\\s+(\\d+)`)).slice(1).map(Number);
    return [of("prompt eval"), of("eval")];
}

const paces = [];
for (let round = 0; round <= Number(rounds); round++) {
    await sequence.clearHistory();
    let count = 0;
    for await (const _token of sequence.evaluate(text, { temperature: 0, yieldEogToken: true })) {
        if (count++ === Number(tokens)) break;
    }
    if (count <= Number(tokens)) throw new Error(`it stopped after ${count} tokens`);
    const now = await clock();
    // The first round warms up.
    if (round > 0) paces.push(now.map(([ms, tokens]) => (1000 * tokens) / ms));
}
const median = (which) => paces.map((pace) => pace[which]).sort((a, b) => a - b)[Math.floor(paces.length / 2)];
console.log(JSON.stringify({ read_per_s: median(0), written_per_s: median(1) }));
process.exit(0);
