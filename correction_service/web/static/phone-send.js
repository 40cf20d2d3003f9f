// What goes to the server and comes back. Everything here may be sent twice.
const RETRY_MS = 3000;
const LONGEST_RETRY_MS = 15_000;
const HEADERS = () => ({
  Accept: "application/json",
  "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
});

export class Refused extends Error {
  constructor(status, problem, waitS) {
    super(problem.title);
    this.status = status;
    this.waitMs = 1000 * waitS;
    this.code = (problem.type ?? "").split(":").pop();
    this.field = problem.field;
  }
}

async function ask(method, url, body) {
  const answer = await fetch(url, { method, headers: HEADERS(), body });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, data, Number(answer.headers.get("Retry-After")) || 0);
  return data;
}

const form = (fields) => {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value !== null && value !== undefined) made.append(name, value);
  return made;
};

const FULL = [429, 503];
// The network, or a fault of ours: it may be over in a moment.
export const passing = (error) => !(error instanceof Refused) || error.status === 429 || error.status >= 500;
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const trouble = (error) => (!(error instanceof Refused) ? "offline" : FULL.includes(error.status) ? "busy" : "fault");

// Ask until there is an answer or the time is over; `lost` is told of what, and when it is tried again.
async function insist(method, url, body, { endsAt, lost }) {
  for (let waitMs = RETRY_MS; ; waitMs = Math.min(1.5 * waitMs, LONGEST_RETRY_MS)) {
    try {
      return await ask(method, url, body);
    } catch (error) {
      if (!passing(error) || Date.now() > endsAt) throw error;
      const pauseMs = Math.max(waitMs, error.waitMs ?? 0);
      lost(trouble(error), Math.ceil(pauseMs / 1000));
      await pause(pauseMs);
    }
  }
}

export const challenge = (url, when) => insist("POST", url, undefined, when);
export const aim = (url, frame, fields) => ask("POST", url, form({ frame, ...fields }));
export const underWay = async (url) => (await ask("GET", url)).attempt;
export const standing = (url, receipt) => ask("GET", `${url}/${receipt}`);
export const cancel = (url, receipt) => ask("POST", `${url}/${receipt}/cancel`);

// A frame taken after the attempt's life is none: what arrived before it is judged.
const tooLate = (error) => error instanceof Refused && error.status === 422 && error.field === "at_ms";
const PLACE = ["lat", "lon", "accuracy_m"];

// Frames go up in the order taken, each as soon as it is there, again and again until it has arrived.
export class Upload {
  constructor(url, receipt, when) {
    this.base = `${url}/${receipt}`;
    this.when = when;
    this.last = Promise.resolve();
  }

  add(place, frame, atMs, action) {
    const body = form({ frame, at_ms: atMs, action });
    this.last = this.last.then(() => insist("PUT", `${this.base}/frames/${place}`, body, this.when));
    this.last.catch(() => {}); // `finish` says it
  }

  async finish(fields) {
    await this.last.catch((error) => {
      if (!tooLate(error)) throw error;
    });
    try {
      return await insist("POST", `${this.base}/finish`, form(fields), this.when);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 422 && PLACE.includes(error.field))) throw error;
      const rest = Object.fromEntries(Object.entries(fields).filter(([name]) => !PLACE.includes(name)));
      return insist("POST", `${this.base}/finish`, form(rest), this.when);
    }
  }
}

// A whole burst at once. The same burst with the same challenge finds the same receipt.
export async function capture(url, token, frames, fields, when) {
  const body = form({ token, ...fields });
  frames.forEach((frame, i) => body.append("frames", frame, `${i}.jpg`));
  return insist("POST", url, body, when);
}
