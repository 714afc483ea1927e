// node run_onnx.js MODEL.onnx...: runs each on MODEL.x.json, {dims, data}, and writes what comes out to MODEL.y.json.
// Inputs that need not be given cannot be given here: of models that take lengths, MODEL.given wants them.
const fs = require("fs");
const ort = require("onnxruntime-web");

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

async function run(model) {
    const x = JSON.parse(fs.readFileSync(model.replace(/onnx$/, "x.json")));
    const file = x.lengths ? model.replace(/onnx$/, "given") : model;
    if (!fs.existsSync(file)) return;
    const session = await ort.InferenceSession.create(file);
    const feeds = { input: new ort.Tensor("float32", Float32Array.from(x.data), x.dims) };
    if (x.lengths) feeds.lengths = new ort.Tensor("int64", BigInt64Array.from(x.lengths.map(BigInt)), [x.lengths.length]);
    const results = await session.run(feeds);
    const y = results[session.outputNames[0]];
    fs.writeFileSync(model.replace(/onnx$/, "y.json"), JSON.stringify({ dims: y.dims, data: Array.from(y.data) }));
}

(async () => {
    for (const model of process.argv.slice(2)) await run(model);
})().catch((error) => {
    console.error(error);
    process.exit(1);
});
