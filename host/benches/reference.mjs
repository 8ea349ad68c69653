// Loaded into the Node server before it runs, so that it asks the pretend 46elks on loopback: its own
// address of the API is a constant. Nothing else of it changes.

const real = "https://api.46elks.com";
const fetched = globalThis.fetch;
globalThis.fetch = (url, options) => fetched(String(url).replace(real, process.env.ELKS_LOOPBACK), options);
