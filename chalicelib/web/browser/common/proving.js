// Long calculations, in a worker, so that the page goes on answering.

import { script, settings } from "./core.js";

/** What the worker makes of `given`. Raises an error with its words. */
export const ask = (job, given) => new Promise((resolve, reject) => {
  const worker = new Worker(script(settings.worker));
  const done = (act) => (event) => {
    worker.terminate();
    act(event);
  };
  worker.onmessage = done(({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data.value)));
  worker.onerror = done(() => reject(new Error("worker")));
  worker.postMessage({ job, given });
});
